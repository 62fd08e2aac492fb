"""What a search keeps up to date in its folder while it runs."""

import time

from tuner import pulse, results, rows

# At most so much of the chief's time goes into results.csv and the picture.
SHARE = 0.05


class Live:
    """Keeps results.csv and the picture up to date, gives signs of life, and ends in time.

    Args:
      oracle: `oracle.GridOracle`.
      record: dict of the search, see `project.describe`.
      run_dir: Path.
      progress: `progress.SearchProgress`, which knows the time to go.
      budget_s: float or None: after so many seconds of all its runs together the search
        begins no other population.
    """

    def __init__(self, oracle, record, run_dir, progress, budget_s=None):
        self.oracle, self.record, self.run_dir = oracle, record, run_dir
        self.progress = progress
        self.written, self.next_results = oracle.populations_ended, 0.0
        self.begun, self.next_pulse = time.monotonic(), 0.0
        self.running = set()
        self.used_before = pulse.used_s(run_dir)
        self.budget_s = budget_s
        if budget_s is not None:
            oracle.is_over = lambda: self.budget_left_s == 0
            progress.budget_left = lambda: self.budget_left_s

    @property
    def used_s(self):
        """Seconds that this run of the search and all before it have taken."""
        return self.used_before + time.monotonic() - self.begun

    @property
    def budget_left_s(self):
        """Seconds until no other population begins, at least 0; None without a budget."""
        return None if self.budget_s is None else max(0.0, self.budget_s - self.used_s)

    def update(self):
        """Writes what is due: results where a population has ended. Call it often.

        Raises:
          OSError: if a file cannot be written.
        """
        ended, now = self.oracle.populations_ended, time.monotonic()
        fresh = ended != self.written
        begun = {*self.oracle.running()} - self.running
        if now >= self.next_pulse or begun or (fresh and now >= self.next_results):
            self.next_pulse = now + pulse.EVERY_S
            self.pulse()
        if fresh and now >= self.next_results:
            trials = rows.of_trials(self.oracle.grid, self.oracle.outcomes())
            results.update(trials, self.oracle.grid, self.record, self.run_dir)
            self.written = ended
            after = time.monotonic()
            self.next_results = after + (after - now) / SHARE

    def pulse(self, ended=False):
        """Writes the sign of life; `ended` says that there will be no more."""
        running = self.oracle.running()
        self.running = {*running}
        pulse.write(
            self.run_dir,
            ended=ended,
            used_s=self.used_s,
            budget_left_s=self.budget_left_s,
            to_go_s=self.progress.to_go(self.oracle),
            wanted=len(self.oracle.wanted),
            running=running,
        )
