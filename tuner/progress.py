"""The one line that a search shows: done, failed, left, best so far, time to go."""

import sys
import time

from keras_pairs.progress import clock
from keras_pairs.training.costs import estimated_seconds
from tuner import rows, space

REFRESH_S, LOG_REFRESH_S = 0.5, 30


class SearchProgress:
    """Prints a `GridOracle`'s progress; give its `show` as the oracle's `on_change`.

    The time to go is judged by what this process has seen: points that had ended before it
    started, and the time between two runs of a search, do not count.

    Args:
      verbose: whether to show anything.
    """

    def __init__(self, verbose=True):
        self.verbose = verbose
        self.begun = self.shown = time.monotonic()
        self.before, self.budget_left = None, lambda: None
        self.terminal = sys.stdout.isatty()

    def show(self, oracle, last=False):
        """Shows the line if enough time has passed since the one before, or if `last`."""
        if self.before is None:
            self.before = self._work_done(oracle)
        now = time.monotonic()
        interval = REFRESH_S if self.terminal else LOG_REFRESH_S
        if not self.verbose or (now - self.shown < interval and not last):
            return
        self.shown = now
        line = self.line(oracle)
        if self.terminal:
            print(f"\r\033[K{line}", end="\n" if last else "", flush=True)
        else:
            print(line, flush=True)

    def to_go(self, oracle):
        """Seconds until the search has ended; None where that cannot be told yet."""
        done = self._work_done(oracle)
        if self.before is None:
            self.before = done
        if done <= self.before:
            return None
        rate = (done - self.before) / (time.monotonic() - self.begun)
        return (sum(self._work(oracle, i) for i in oracle.wanted) - done) / rate

    def line(self, oracle):
        """The line."""
        total, ended = len(oracle.wanted), oracle.count_ended()
        parts = [f"{ended}/{total} trials", f"{oracle.count_ended('FAILED')} failed"]
        if ended < total:
            parts.append(f"{total - ended} left")
        best = rows.best(oracle.grid, oracle.outcomes())
        if best:
            where = space.text(best, oracle.grid.searched, " ")
            tied = f" {rows.tied(best)}" if best["tied"] else ""
            parts.append(f"best {rows.percent(best)} % ({where}){tied}")
        to_go = self.to_go(oracle)
        if to_go:
            parts.append(f"{clock(to_go)} to go")
        budget_left = self.budget_left()
        if budget_left is not None and ended < total:
            parts.append(f"{clock(budget_left)} of the budget left")
        return "  ".join(parts)

    def _work(self, oracle, index):
        return estimated_seconds(oracle.grid.configs[index])

    def _work_done(self, oracle):
        done = 0
        for i in oracle.wanted:
            trial = oracle.trials.get(space.trial_id(i))
            if trial is not None and trial.status in space.ENDED:
                done += self._work(oracle, i)
            else:
                running = oracle.epochs_done.get(oracle.group_of[i], 0)
                done += self._work(oracle, i) * running / oracle.grid.configs[i].epochs
        return done
