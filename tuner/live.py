"""What a search keeps up to date in its folder while it runs."""

import time

from tuner import results

# At most so much of the chief's time goes into it.
SHARE = 0.05


class LiveResults:
    """Keeps results.csv and the picture up to date: after each population.

    Args:
      oracle: `oracle.GridOracle`.
      record: dict of the search, see `project.describe`.
      run_dir: Path.
    """

    def __init__(self, oracle, record, run_dir):
        self.oracle, self.record, self.run_dir = oracle, record, run_dir
        self.written, self.next = oracle.populations_ended, 0.0

    def update(self):
        """Writes them where a population has ended since; call it often.

        Raises:
          OSError: if a file cannot be written.
        """
        ended, begun = self.oracle.populations_ended, time.monotonic()
        if ended == self.written or begun < self.next:
            return
        found = results.rows(self.oracle.grid, self.oracle.outcomes())
        results.update(found, self.oracle.grid, self.record, self.run_dir)
        self.written = ended
        now = time.monotonic()
        self.next = now + (now - begun) / SHARE
