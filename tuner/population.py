"""A keras-tuner tuner that trains many trials as one population."""

import contextlib
import dataclasses
import gc
import threading
import time
import traceback

import grpc
import keras

from keras_pairs import files, outputs
from keras_pairs.errors import UserError
from keras_pairs.training import fit, halving
from tuner import (
    _keras_tuner,
    agreement,
    curves,
    judging,
    pairs,
    project,
    resources,
    space,
)
from tuner import oracle as oracles
from tuner import trials as trials_
from tuner.chief import STOPS, serve
from tuner.heartbeat import ChiefLostError, Heart
from tuner.processes import address, alone, role, supervised
from tuner.view import SearchView

IDLE_S = 0.5
# How long a worker waits for an answer of the chief: at first it may still be starting.
FIRST_PATIENCE_S, PATIENCE_S = 300, 20
# Keras 3.15 never frees the graph of a `fit` (its inner `one_step_on_data`): 40 MB for each
# population, that only a new process gives back; one takes six seconds to start.
POPULATIONS_PER_PROCESS = 3


class PopulationTuner(SearchView):
    """Trains as many trials at once as the oracle gives for one population.

    Args:
      oracle: `oracle.GridOracle`.
      record: dict of the search, see `project.describe`.
      directory: existing folder that receives oracle.json, trial_<id>/trial.json and
        history.csv and, for the best trials, model.keras and what it was trained on,
        metrics.json.
    """

    def __init__(self, oracle, record, directory):
        self.grid, self.settings = oracle.grid, oracle.settings
        self.record = record
        self.origin = {
            "preset": record["preset"],
            "dataset": record["dataset"],
            "validation": record["validation"],
            **files.provenance(),
        }
        super().__init__(oracle, directory)

    def search(self, images=None, between=lambda: None):
        """Runs trials until the grid has ended; in a chief, serves the workers until then.

        Args:
          images: `data.Images` of the pairs of all trials; a chief needs none.
          between: function without arguments, called now and then, but not in a worker.

        Returns:
          Whether the grid has ended: a worker stops after `POPULATIONS_PER_PROCESS`.

        Raises:
          UserError: in a worker, if the chief does not answer or has another search; if
            the machine lacks what a trial needs: disk or memory.
          OSError: if a trial's file cannot be written.
        """
        if not self.is_worker():
            self.oracle.prune()
        if role() == "chief":
            serve(self.oracle, between)
            return True
        self._be_patient(FIRST_PATIENCE_S)
        populations = 0
        while not self.is_worker() or populations < POPULATIONS_PER_PROCESS:
            trials, stopped = self._ask()
            if trials:
                self.run_trials(trials, images)
                populations += 1
                if not self.is_worker():
                    between()
            elif stopped:
                return True
            else:
                time.sleep(IDLE_S)
        return False

    def run_trials(self, trials, images):
        """Trains the population that `trials` belong to and reports each of them.

        The whole group is trained even where some of it has ended before, so that
        results do not depend on when a search was killed; what has ended is not reported
        again.

        Args:
          trials: list of `Trial`s of one group.
          images: `data.Images`.

        Raises:
          UserError: as `search`; then the trials are not reported and stay free.
        """
        indices = [int(trial.trial_id) for trial in trials]
        (group,) = (g for g in self.grid.groups if indices[0] in g)
        configs = [self.config(i) for i in group]
        begun = time.monotonic()
        keras.backend.clear_session()
        gc.collect()
        with self._heartbeat(trials[0].trial_id) as heart:
            try:
                splits = pairs.splits_of(images, configs, self.record)
                every = self.record["validate_every"]
                train = halving.halve if self.record["halving"] else fit.fit
                trained = train(configs, splits, validate_every=every, callbacks=[heart])
                seconds = (time.monotonic() - begun) / len(group)
                members = [group.index(i) for i in indices]
                known = {"seconds": seconds, "validation_pairs": pairs.scored(splits)}
                for trial, k in zip(trials, members, strict=True):
                    history = judging.judge(trial, trained, k, known)
                    curves.write(self._own_folder(trial), history)
                self._save_best(trials, members, trained)
            except Exception as error:
                if heart.lost:
                    raise
                lacking = resources.lacking(error)
                if lacking:
                    self._give_up(trials[0], lacking)
                for trial in trials:
                    trial.status = "INVALID"
                    trial.message = "".join(traceback.format_exception(error))
        for trial in trials:
            self._report(trial)

    def config(self, index):
        """The `TrainingConfig` of a point, with the data that it trains on."""
        return dataclasses.replace(self.grid.configs[index], **self.record["source"])

    def save(self):
        """Writes the oracle's file; the tuner has nothing of its own to keep."""
        if not self.is_worker():
            self.oracle.save()

    def _ask(self):
        """(trials of one population, whether the search has ended)."""
        trials = []
        most = max(map(len, self.grid.groups))
        while len(trials) < most:
            with self._chief_answers():
                trial = self.oracle.create_trial(f"{self.tuner_id}/{len(trials)}")
            self._be_patient(PATIENCE_S)
            if trial.status != "RUNNING":
                return trials, trial.status == "STOPPED"
            if self.is_worker():
                agreement.check_search(trial, self.grid, self.settings)
                agreement.check_folder(self._own_folder(trial))
                agreement.check_code(self.folder)
            trials.append(trial)
        return trials, False

    def _save_best(self, trials, members, trained):
        """Saves what may be among the best of its width; the oracle prunes the rest."""
        name = oracles.OBJECTIVE.name
        whole = [
            (trial, k)
            for trial, k in zip(trials, members, strict=True)
            if trials_.is_whole(trial)
        ]
        whole.sort(key=lambda x: (-x[0].metrics.get_last_value(name), int(x[0].trial_id)))
        for trial, k in whole[: self.keep_models]:
            folder = self._own_folder(trial)
            files.write_json(folder / oracles.ORIGIN, self._origin(trained, k))
            with files.atomic_write(folder / oracles.MODEL) as path:
                trained.member(k).save(path)

    def _own_folder(self, trial):
        folder = self.trial_folder(trial)
        # The chief made it; over a network file system this sees it at once.
        folder.mkdir(exist_ok=True)
        return folder

    def _origin(self, trained, k):
        """What a run's metrics.json says of its model, without any test accuracy."""
        last = {name: float(values[-1, k]) for name, values in trained.history.items()}
        accuracy = {name: last[f"val_{name}_accuracy"] for name in outputs.names()}
        return {
            "validation_accuracy": accuracy,
            "last_epoch": {"epoch": trained.configs[k].epochs, **last},
            "config": trained.configs[k].to_dict(),
            **self.origin,
        }

    def _report(self, trial):
        if trial.message:
            trial.hyperparameters.values[oracles.MESSAGE] = trial.message
        with self._chief_answers():
            self.oracle.end_trial(trial)

    def _give_up(self, trial, lacking):
        """Ends the whole search: what is lacking here, no other trial will find."""
        point = self.grid.points[int(trial.trial_id)]
        where = space.text(point, self.grid.shared)
        trial.status = "STOPPED"
        trial.message = f"{lacking} ({where}); {resources.GOES_ON}"
        self._report(trial)
        # The chief took this worker for dead.
        raise UserError(trial.message)

    @contextlib.contextmanager
    def _heartbeat(self, trial_id):
        heart = Heart(self.oracle, trial_id)
        thread = threading.Thread(target=heart.beat, daemon=True)
        thread.start()
        try:
            yield heart
        except ChiefLostError:
            raise _chief_lost(heart.lost) from None
        finally:
            heart.stop.set()
            thread.join()

    @contextlib.contextmanager
    def _chief_answers(self):
        try:
            yield
        except grpc.RpcError as error:
            raise _chief_lost(error) from None

    def _be_patient(self, seconds):
        if self.is_worker():
            _keras_tuner.wait_for_chief(seconds)


def load(run_dir):
    """The finished or unfinished search in a folder, to look at; nothing there changes.

        tuner = load("runs/grid")
        tuner.results_summary()
        tuner.get_best_hyperparameters(5)
        (model,) = tuner.get_best_models()

    Args:
      run_dir: str or Path, the search's --run_dir.

    Returns:
      `view.SearchView`.

    Raises:
      UserError: if there is no search.
      OSError: if a file cannot be read.
    """
    record = project.read(run_dir)
    oracle = oracles.GridOracle(
        project.grid(record), project.settings(record), keep_models=record["keep_models"]
    )
    # In the shell of a chief or worker, too.
    with alone():
        return SearchView(oracle, run_dir)


def _chief_lost(error):
    """What a worker ends with, given the `grpc.RpcError` that it met."""
    if error.code() is STOPS:
        # In the same terminal the chief says it itself.
        return SystemExit(1) if supervised() else UserError(error.details())
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return UserError(f"the chief at {address()} does not answer; {resources.GOES_ON}")
    return UserError(f"the chief at {address()} failed: {error.details()}")
