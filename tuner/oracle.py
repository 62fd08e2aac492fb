"""A keras-tuner oracle over the grid that survives anything.

The trial files are the truth: a restart reads them and nothing else. A point is free,
running (leased to a worker that shows signs of life), or ended: COMPLETED or FAILED.
"""

import threading
import time

import keras_tuner

from keras_pairs import files
from keras_pairs.errors import UserError
from keras_pairs.serving import versions
from tuner import _keras_tuner, places, space, trials
from tuner.space import ENDED, trial_id
from tuner.trials import Status, Trial

OBJECTIVE = keras_tuner.Objective(space.SCORE, "max")
# A worker that was not heard of for so long is taken for dead; it calls every HEARTBEAT_S.
LEASE_S = 20
HEARTBEAT_S = 3
HEARTBEAT = "epochs_done"
# The first file makes a kept model; the second is what it was trained on and with.
MODEL, ORIGIN = versions.NETWORK, "metrics.json"
# keras-tuner's network protocol has no room for a trial's message, but for any value.
MESSAGE = "message"
_now = time.monotonic


class GridOracle(_keras_tuner.Oracle):
    """Gives out the points of a grid in its sequence, each until it has ended.

    `create_trial` knows a worker by what stands before the "/" of the tuner id. Its first
    id gets the first free point of a group that no other worker is at, further ids get
    the rest of that group, and then IDLE: a population is complete. With all points ended
    every id gets STOPPED. A point whose worker is silent for LEASE_S is free again. Where
    `is_over` says so, no other population begins: a worker without one gets STOPPED.

    Args:
      grid: `space.Grid`.
      settings: dict, recorded in each trial; a project with other values is refused.
      max_trials: int or None, only the first so many points.
      retries: int >= 0, how often a trial that crashed is tried again.
      keep_models: int >= 1, models kept for each nb_f.
      on_change: function of the oracle, called after each change and sign of life.
    """

    def __init__(
        self,
        grid,
        settings,
        max_trials=None,
        retries=1,
        keep_models=3,
        on_change=lambda oracle: None,
    ):
        self.grid, self.points, self.groups = grid, grid.points, grid.groups
        self.group_of = {i: g for g, group in enumerate(self.groups) for i in group}
        self.wanted = grid.sequence[:max_trials]
        self.settings = settings
        self.keep_models = keep_models
        self.on_change = on_change
        # When each worker was heard of last, and how far its population is.
        self.seen, self.epochs_done = {}, {}
        self.populations_ended, self.is_over = 0, lambda: False
        self._outcomes, self._lock = {}, threading.RLock()
        hyperparameters = keras_tuner.HyperParameters()
        space.add_choices(hyperparameters, grid)
        for name, value in settings.items():
            hyperparameters.Fixed(name, value)
        super().__init__(
            objective=OBJECTIVE,
            hyperparameters=hyperparameters,
            allow_new_entries=False,
            tune_new_entries=False,
            max_retries_per_trial=retries,
            # Stands in oracle.json only: nothing in keras-tuner is random here.
            seed=1,
        )
        self.verbose = 0

    @property
    def tuner_ids(self):
        """Workers that are alive and not yet told to stop; the chief waits for them."""
        with self._lock:
            return {w for w, seen in self.seen.items() if _now() - seen < LEASE_S}

    @tuner_ids.setter
    def tuner_ids(self, value):
        """keras-tuner starts with an empty set; here it follows from `seen`."""

    def create_trial(self, tuner_id):
        """The `Trial` to run under `tuner_id`, or one that says IDLE or STOPPED."""
        with self._lock:
            self._free_the_dead()
            worker = _worker(tuner_id)
            self.seen[worker] = _now()
            if tuner_id in self.ongoing_trials:
                return trials.copy(self.ongoing_trials[tuner_id])
            over = self.is_over() and not self._at_work(worker)
            index = None if over else self._next_point(worker)
            if index is None:
                ended = over or self.count_ended() == len(self.wanted)
                if ended:
                    del self.seen[worker]
                status = Status.STOPPED if ended else Status.IDLE
                return Trial(keras_tuner.HyperParameters(), trial_id="", status=status)
            trial = self._new_trial(index)
            self._write(trial)
            self.ongoing_trials[tuner_id] = self.trials[trial.trial_id] = trial
            self.start_order.append(trial.trial_id)
            # What a tuner does to its trial counts when it reports it.
            return trials.copy(trial)

    def update_trial(self, trial_id, metrics, step=0):
        """Takes a trial's metrics, or a sign of life: `{HEARTBEAT: epochs}`.

        What comes for a trial that has ended is ignored: its worker was taken for dead
        and another was quicker.
        """
        with self._lock:
            trial = self._known(trial_id)
            for tuner_id, ongoing in self.ongoing_trials.items():
                if ongoing is trial:
                    self.seen[_worker(tuner_id)] = _now()
            if HEARTBEAT in metrics:
                self.epochs_done[self.group_of[int(trial_id)]] = metrics[HEARTBEAT]
                self.on_change(self)
            elif trial.status not in ENDED:
                trials.set_metrics(trial, metrics, step)
            return trial

    def end_trial(self, trial):
        """Ends a trial as its `status`, `metrics` and `message` say, or frees its point.

        A point is free again when the trial is INVALID (it crashed) and has retries left,
        or STOPPED (its worker cannot go on).

        Raises:
          UserError: if the trial is STOPPED, with its message; not where its worker was
            taken for dead.
          OSError: if a file cannot be written.
        """
        with self._lock:
            known = self._known(trial.trial_id)
            message = trial.hyperparameters.values.get(MESSAGE) or trial.message
            leases = [k for k, ongoing in self.ongoing_trials.items() if ongoing is known]
            for tuner_id in leases:
                del self.ongoing_trials[tuner_id]
                self.seen[_worker(tuner_id)] = _now()
            group = self.group_of[int(known.trial_id)]
            self.epochs_done.pop(group, None)
            if leases and trial.status == Status.STOPPED:
                raise UserError(message)
            if known.status in ENDED or trial.status == Status.STOPPED:
                return
            if trial.metrics.exists(OBJECTIVE.name):
                known.metrics = trial.metrics
            known.status = trial.status
            known.message = None
            if known.status == Status.COMPLETED:
                self.score_trial(known)
            else:
                known.message = message
            if known.status == Status.INVALID:
                if self.count_crash(known.trial_id) > self.max_retries_per_trial:
                    known.status = Status.FAILED
            if known.status in ENDED:
                self.end_order.append(known.trial_id)
            self._write(known)
            self._prune(known.hyperparameters.get("nb_f"))
            if group not in self._at_work():
                self.populations_ended += 1
            self.on_change(self)

    def count_ended(self, *statuses):
        """How many wanted points have ended, with one of `statuses` if any are given."""
        found = (self.trials.get(trial_id(i)) for i in self.wanted)
        return sum(t is not None and t.status in (statuses or ENDED) for t in found)

    def running(self):
        """{trial id of a running population: epochs that it has done}."""
        with self._lock:
            groups = {
                self.groups[g][0]: self.epochs_done.get(g, 0) for g in self._at_work()
            }
            return {trial_id(first): epochs for first, epochs in groups.items()}

    def outcomes(self):
        """dict, index of each point that was tried → `space.Outcome`."""
        with self._lock:
            for id_, trial in self.trials.items():
                # keras-tuner takes a millisecond for each; what has ended does not change.
                if id_ not in self._outcomes or self._outcomes[id_].status not in ENDED:
                    self._outcomes[id_] = trials.outcome(trial)
            return {int(id_): outcome for id_, outcome in self._outcomes.items()}

    def reload(self):
        """Takes what has ended from the trial files; everything else is free again.

        Writes nothing. A damaged file costs its trial. `oracle.json` is for other readers.

        Raises:
          UserError: if a trial is of another grid or another training.
          OSError: if a file cannot be read.
        """
        found = places.read_points(self.folder, self.grid, self.settings, _told)
        for trial in found.values():
            if trial.status == Status.FAILED or trial.score is not None:
                self.trials[trial.trial_id] = trial
                self.end_order.append(trial.trial_id)

    def prune(self):
        """Deletes the models that are not among the best `keep_models` of their width."""
        for nb_f in {point["nb_f"] for point in self.points}:
            self._prune(nb_f)

    def save(self):
        """Writes `oracle.json` in keras-tuner's form."""
        files.write_json(self.file, self.get_state())

    def _write(self, trial):
        folder = self._trial_folder(trial.trial_id)
        # Not with its parents: where the run's folder has gone, nothing may grow anew.
        folder.mkdir(exist_ok=True)
        files.write_json(folder / places.TRIAL, trial.get_state())

    def _trial_folder(self, trial_id):
        return places.trial_folder(self.folder, trial_id)

    def _values(self, index):
        return self.points[index] | self.settings

    def _new_trial(self, index):
        point = self.hyperparameters.copy()
        point.values = self._values(index)
        return Trial(point, trial_id=trial_id(index), status=Status.RUNNING)

    def _known(self, trial_id):
        # A worker may outlive a chief and report to the next one.
        if trial_id not in self.trials:
            self.trials[trial_id] = self._new_trial(int(trial_id))
        return self.trials[trial_id]

    def _next_point(self, worker):
        """The index of the next point for a worker, or None."""
        running = {int(t.trial_id) for t in self.ongoing_trials.values()}
        own, others = self._at_work(worker), self._at_work(but=worker)
        for i in self.wanted:
            trial = self.trials.get(trial_id(i))
            free = i not in running and (trial is None or trial.status not in ENDED)
            group = self.group_of[i]
            if free and (group in own if own else group not in others):
                return i
        return None

    def _at_work(self, only=None, but=None):
        """Numbers of the groups that workers are at."""
        return {
            self.group_of[int(trial.trial_id)]
            for tuner_id, trial in self.ongoing_trials.items()
            if _worker(tuner_id) != but and only in (None, _worker(tuner_id))
        }

    def _free_the_dead(self):
        alive = self.tuner_ids
        for tuner_id in list(self.ongoing_trials):
            if _worker(tuner_id) not in alive:
                trial = self.ongoing_trials.pop(tuner_id)
                self.epochs_done.pop(self.group_of[int(trial.trial_id)], None)

    def get_best_trials(self, num_trials=1):
        """Those trained to the end, the best first and the first of equals."""
        whole = filter(trials.is_whole, self.trials.values())
        return sorted(whole, key=lambda t: (-t.score, int(t.trial_id)))[:num_trials]

    def _prune(self, nb_f):
        best = self.get_best_trials(None)
        best = [trial for trial in best if trial.hyperparameters.get("nb_f") == nb_f]
        for trial in best[self.keep_models :]:
            for name in (MODEL, ORIGIN):
                (self._trial_folder(trial.trial_id) / name).unlink(missing_ok=True)


def _told(state):
    # keras-tuner takes what it finds, and fails where it is used.
    space.Outcome.of(state)
    return Trial.from_state(state)


def _worker(tuner_id):
    return tuner_id.split("/")[0]
