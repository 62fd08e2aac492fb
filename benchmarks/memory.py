"""Whether a search's memory grows with the trials that it has ended.

    python -m benchmarks.memory

325 trials of nb_f = 8, one epoch each, on the digits inside scikit-learn: five rounds of
the 65 points of one batch size, because larger batches need more memory. Twice a second:
how many trials have ended, and the memory of all the search's processes (their
proportional set size, which counts what they share once). Exit code 1 where it grows by
more than a tenth after the first 50 trials.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

from benchmarks import cases, children
from benchmarks.kills import ended
from keras_pairs import data
from keras_pairs.commands import runner
from keras_pairs.errors import UserError

SEARCH = ("--nb_f=8", "--batch_size=50", "--rounds=5", "--epochs=1", "--dataset=digits")
SEARCH += ("--workers=2", "--verbosity=0")
TRIALS, STEP, SAMPLE_S = 325, 50, 0.5
BOUND = 1.1
FLAGS = cases.FLAGS


def memory(process):
    """MiB of a process and all that descend from it; what has just ended counts 0."""
    folder, total = pathlib.Path("/proc") / str(process), 0
    try:
        for line in (folder / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1]) / 1024
        children = " ".join(p.read_text() for p in folder.glob("task/*/children"))
    except OSError:
        return total
    return total + sum(map(memory, children.split()))


def sampled():
    """A search's memory again and again: list of (trials that have ended, MiB).

    Raises:
      UserError: if not all trials end.
    """
    samples = []
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "search"
        command = [sys.executable, "-m", "tuner.search", *SEARCH, f"--run_dir={folder}"]
        with children.started(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                samples.append((len(ended(folder)), memory(process.pid)))
                time.sleep(SAMPLE_S)
        if process.returncode or len(ended(folder)) != TRIALS:
            raise UserError(f"the search ended {len(ended(folder))} of {TRIALS} trials")
    return samples


def measured():
    """Rows of the most that a search took while its trials ended, see `cases.keep`."""
    samples = sampled()
    for first in range(0, TRIALS, STEP):
        inside = [mib for count, mib in samples if first <= count < first + STEP]
        last = min(first + STEP, TRIALS) - 1
        yield {"first": first, "last": last, "mib": max(inside, default=0)}
    before = max(mib for count, mib in samples if count < STEP)
    after = max(mib for count, mib in samples if count >= STEP)
    yield {
        "what": f"the memory after {STEP} trials against before",
        **{"first": STEP, "last": TRIALS - 1, "mib": after},
        **{"ratio": after / before, "at_most": BOUND},
    }


def tabulate(rows):
    """Rows of `measured` as lines of a table."""
    lines = [("trials ended", "most (MiB)", f"of the first {STEP}", "bound")]
    for row in rows:
        against = ("", "")
        if "ratio" in row:
            against = f"{row['ratio']:.2f}", f"{row['at_most']:g}"
        lines.append((f"{row['first']} to {row['last']}", f"{row['mib']:.0f}", *against))
    return lines


def main(values):
    known = {"dataset": data.load_images("digits").describe()}
    cases.keep(values, "memory", measured(), -(-TRIALS // STEP) + 1, tabulate, **known)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
