"""The one line that a search shows: done, failed, left, best so far, time to go."""

import sys
import time

from keras_pairs.progress import clock, print_line
from keras_pairs.training import costs
from tuner import plan, rows, space

REFRESH_S, LOG_REFRESH_S = 0.5, 30


class SearchProgress:
    """Prints a `GridOracle`'s progress; give its `show` as the oracle's `on_change`.

    The time to go is judged by what this process has seen: points that had ended before it
    started, and the time between two runs of a search, do not count.

    Args:
      verbose: whether to show anything.
      halving: whether only the better half of a population goes on, again and again.
    """

    def __init__(self, verbose=True, halving=False):
        self.verbose, self.halving, self.shares = verbose, halving, None
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
        print_line(self.line(oracle), self.terminal, last)

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
        if self.shares is None:
            self.shares = plan.share_of(oracle.grid, self.halving)
        return costs.estimated_seconds(oracle.grid.configs[index]) * self.shares[index]

    def _work_done(self, oracle):
        done = 0
        for i in oracle.wanted:
            trial = oracle.trials.get(space.trial_id(i))
            if trial is not None and trial.status in space.ENDED:
                done += self._work(oracle, i)
            else:
                running = oracle.epochs_done.get(oracle.group_of[i], 0)
                done += self._work(oracle, i) * self._share_done(oracle, i, running)
        return done

    def _share_done(self, oracle, index, epochs):
        """The share of a population's work that its first epochs are."""
        whole = oracle.grid.configs[index].all_epochs()
        if not self.halving:
            return epochs / whole
        members = len(oracle.groups[oracle.group_of[index]])
        done = costs.member_epochs(members, whole, epochs)
        return done / costs.member_epochs(members, whole)
