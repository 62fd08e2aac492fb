"""A keras-tuner tuner that trains many trials as one population."""

import contextlib
import gc
import os
import pathlib
import threading
import time
import traceback

import grpc
import keras
import keras_tuner
import numpy as np

import keras_pairs.layers  # noqa: F401  (registers what model.keras names)
from keras_pairs import files, training
from keras_pairs.config import UserError
from tuner import oracle as oracles
from tuner import project, space
from tuner.chief import serve
from tuner.processes import role

IDLE_S = 0.5
# How long a worker waits for an answer of the chief: at first it may still be starting.
FIRST_PATIENCE_S, PATIENCE_S = 300, 20
# Keras 3.15 never frees the graph of a `fit` (its inner `one_step_on_data`): 40 MB for each
# population, that only a new process gives back; one takes six seconds to start.
POPULATIONS_PER_PROCESS = 3


class PopulationTuner(keras_tuner.Tuner):
    """Trains as many trials at once as the oracle gives for one population.

    Args:
      oracle: `oracle.GridOracle`.
      grid: the oracle's `space.Grid`.
      common: dict, the fields of `TrainingConfig` that all trials share.
      directory: folder that receives oracle.json, trial_<id>/trial.json and, for the best
        trials, trial_<id>/model.keras.
    """

    def __init__(self, oracle, grid, common, directory):
        self.grid, self.common = grid, common
        self.points, self.groups = grid.points(), grid.groups()
        self.keep_models = oracle.keep_models
        self.settings = oracle.settings
        directory = pathlib.Path(directory)
        super().__init__(
            oracle, directory=str(directory.parent), project_name=directory.name
        )
        if not self._is_worker():
            self.oracle.reload()

    def search(self, splits=None):
        """Runs trials until the grid has ended; in a chief, serves the workers until then.

        Args:
          splits: `data.Splits` that all trials train and validate on; None in a chief.

        Returns:
          Whether the grid has ended: a worker stops after `POPULATIONS_PER_PROCESS`.

        Raises:
          UserError: in a worker, if the chief does not answer or has another search.
        """
        if role() == "chief":
            serve(self.oracle)
            return True
        self._be_patient(FIRST_PATIENCE_S)
        populations = 0
        while not self._is_worker() or populations < POPULATIONS_PER_PROCESS:
            trials, stopped = self._ask()
            if trials:
                self.run_trials(trials, splits)
                populations += 1
            elif stopped:
                return True
            else:
                time.sleep(IDLE_S)
        return False

    def run_trial(self, trial, splits):
        """Trains the population of one trial for its sake alone."""
        self.run_trials([trial], splits)

    def run_trials(self, trials, splits):
        """Trains the population that `trials` belong to and reports each of them.

        The whole group is trained even where some of it has ended before, so that
        results do not depend on when a search was killed; what has ended is not reported
        again.

        Args:
          trials: list of `Trial`s of one group.
          splits: `data.Splits`.
        """
        indices = [int(trial.trial_id) for trial in trials]
        (group,) = (g for g in self.groups if indices[0] in g)
        configs = [space.training_config(self.points[i], self.common) for i in group]
        begun = time.monotonic()
        keras.backend.clear_session()
        gc.collect()
        with self._heartbeat(trials[0].trial_id) as heart:
            try:
                trained = training.fit(configs, splits, callbacks=[heart])
                seconds = (time.monotonic() - begun) / len(group)
                members = [group.index(i) for i in indices]
                self._judge(trials, members, trained.history, seconds)
                self._save_best(trials, members, trained)
            except Exception as error:
                if heart.lost:
                    raise
                for trial in trials:
                    trial.status = "INVALID"
                    trial.message = "".join(traceback.format_exception(error))
        for trial in trials:
            self._report(trial)

    def load_model(self, trial):
        """The trained `keras.Model` of a trial, answering probabilities.

        Raises:
          ValueError: if it was not among the best and its model is not kept.
        """
        path = self._trial_folder(trial) / oracles.MODEL
        if not path.exists():
            raise ValueError(
                f"Trial {trial.trial_id} keeps no model: only the best {self.keep_models} "
                "of each nb_f are kept (--keep_models)"
            )
        return keras.models.load_model(path)

    def save(self):
        """Writes the oracle's file; the tuner has nothing of its own to keep."""
        if not self._is_worker():
            self.oracle.save()

    def reload(self):
        """keras-tuner calls this where it finds a file of its own; `__init__` reloads."""

    def _ask(self):
        """(trials of one population, whether the search has ended)."""
        trials = []
        most = max(map(len, self.groups))
        while len(trials) < most:
            with self._chief_answers():
                trial = self.oracle.create_trial(f"{self.tuner_id}/{len(trials)}")
            self._be_patient(PATIENCE_S)
            if trial.status != "RUNNING":
                return trials, trial.status == "STOPPED"
            self._same_search(trial)
            trials.append(trial)
        return trials, False

    def _same_search(self, trial):
        for name, value in self.settings.items():
            if trial.hyperparameters.values.get(name) != value:
                raise UserError(
                    f"the chief runs another search ({name}="
                    f"{trial.hyperparameters.values.get(name)}, here {value})"
                )

    def _judge(self, trials, members, history, seconds):
        for trial, k in zip(trials, members, strict=True):
            losses = history["loss"][:, k]
            wrong = np.flatnonzero(~np.isfinite(losses))
            if len(wrong):
                trial.status = "FAILED"
                trial.message = f"loss {losses[wrong[0]]:g} in epoch {wrong[0] + 1}"
                continue
            trial.status = "COMPLETED"
            metrics = {name: values[-1, k] for name, values in history.items()}
            accuracies = history[oracles.OBJECTIVE.name][:, k]
            metrics["best_" + oracles.OBJECTIVE.name] = accuracies.max()
            metrics["best_epoch"] = accuracies.argmax() + 1
            metrics["seconds"] = seconds
            # keras-tuner's network protocol has 32 bits for a metric.
            metrics = {name: float(np.float32(value)) for name, value in metrics.items()}
            oracles.set_metrics(trial, metrics, len(losses))

    def _save_best(self, trials, members, trained):
        """Saves what may be among the best of its width; the oracle prunes the rest."""
        completed = [
            (
                -trial.metrics.get_last_value(oracles.OBJECTIVE.name),
                trial.trial_id,
                trial,
                k,
            )
            for trial, k in zip(trials, members, strict=True)
            if trial.status == "COMPLETED"
        ]
        for *_, trial, k in sorted(completed, key=lambda x: x[:2])[: self.keep_models]:
            with files.atomic_write(self._trial_folder(trial) / oracles.MODEL) as path:
                trained.member(k).save(path)

    def _report(self, trial):
        if trial.message and self._is_worker():
            files.write_text(self._trial_folder(trial) / oracles.REASON, trial.message)
        with self._chief_answers():
            self.oracle.end_trial(trial)

    def _trial_folder(self, trial):
        return pathlib.Path(self.get_trial_dir(trial.trial_id))

    @contextlib.contextmanager
    def _heartbeat(self, trial_id):
        heart = _Heart(self.oracle, trial_id)
        thread = threading.Thread(target=heart.beat, daemon=True)
        thread.start()
        try:
            yield heart
        except ChiefLostError:
            raise _chief_lost() from None
        finally:
            heart.stop.set()
            thread.join()

    @contextlib.contextmanager
    def _chief_answers(self):
        try:
            yield
        except grpc.RpcError:
            raise _chief_lost() from None

    def _be_patient(self, seconds):
        if self._is_worker():
            from keras_tuner.src.distribute import oracle_client

            # An hour in keras-tuner; there is no public way to set it.
            oracle_client.TIMEOUT = seconds


def load(run_dir):
    """The finished or unfinished search in a folder, to look at.

        tuner = load("runs/grid")
        tuner.results_summary()
        tuner.get_best_hyperparameters(5)
        (model,) = tuner.get_best_models()

    Args:
      run_dir: str or Path, the search's --run_dir.

    Returns:
      `PopulationTuner`.

    Raises:
      UserError: if there is no search.
    """
    record = project.read(run_dir)
    grid = space.Grid(**{name: tuple(values) for name, values in record["grid"].items()})
    oracle = oracles.GridOracle(grid, project.settings(record))
    return PopulationTuner(oracle, grid, record["config"], run_dir)


class ChiefLostError(Exception):
    """Ends a training whose result nobody would take."""


def _chief_lost():
    address = ":".join(os.environ[f"KERASTUNER_ORACLE_{x}"] for x in ("IP", "PORT"))
    return UserError(
        f"the chief at {address} does not answer; the same command goes on where it was"
    )


class _Heart(keras.callbacks.Callback):
    """Tells the oracle every few seconds that a population is alive."""

    def __init__(self, oracle, trial_id):
        super().__init__()
        self.oracle, self.trial_id = oracle, trial_id
        self.epochs, self.lost, self.stop = 0, False, threading.Event()

    def beat(self):
        while not self.stop.wait(oracles.HEARTBEAT_S):
            try:
                self.oracle.update_trial(
                    self.trial_id, {oracles.HEARTBEAT: float(self.epochs)}
                )
            except grpc.RpcError:
                self.lost = True
                return

    def on_epoch_end(self, epoch, logs=None):
        self.epochs = epoch + 1
        if self.lost:
            raise ChiefLostError
