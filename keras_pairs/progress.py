"""A line that says how far something is, for what must do without Keras' bar."""

import sys
import time

REFRESH_S, LOG_REFRESH_S = 0.2, 10


class Progress:
    """Counts up to a total and shows when it will be reached.

        progress = Progress(500, "pictures prepared")
        for done, picture in enumerate(pictures, 1):
            prepare(picture)
            progress.show(done)    # 120/500 pictures prepared  0:08 to go

    A terminal has one line that changes; a log file a line now and then. How long it takes
    is told from the second one on.

    Args:
      total: int >= 1.
      what: str, what is counted.
      verbose: whether to show anything.
    """

    def __init__(self, total, what, verbose=True):
        self.total, self.what, self.verbose = total, what, verbose
        self.terminal = sys.stdout.isatty()
        self.shown = time.monotonic()
        # The first one may wait for a program to start; it says nothing of the others.
        self.first = None
        if verbose and self.terminal:
            print_line(f"0/{total:,} {what}", self.terminal)

    def show(self, done):
        """Shows the line, if it is time to or `done` is all.

        Args:
          done: int >= 1.
        """
        now = time.monotonic()
        self.first = self.first or (done, now)
        interval = REFRESH_S if self.terminal else LOG_REFRESH_S
        last = done >= self.total
        if not self.verbose or (now - self.shown < interval and not last):
            return
        self.shown = now
        line = f"{done:,}/{self.total:,} {self.what}"
        before, begun = self.first
        if before < done < self.total:
            left = (self.total - done) * (now - begun) / (done - before)
            line += f"  {clock(left)} to go"
        print_line(line, self.terminal, last)

    def stop(self):
        """Leaves the line as it is, for what is printed next."""
        if self.verbose and self.terminal:
            print(flush=True)


def print_line(line, terminal, last=False):
    """Prints a line: on a terminal in place of the one before, else below it."""
    if terminal:
        print(f"\r\033[K{line}", end="\n" if last else "", flush=True)
    else:
        print(line, flush=True)


def about(seconds):
    """An estimate in words: "under a minute", or "about 1:02:03"."""
    return "under a minute" if seconds < 60 else f"about {clock(seconds)}"


def clock(seconds):
    """Seconds as 0:09 or 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
