"""Whether a search's memory grows with the trials that it has ended.

    python -m benchmarks.memory

The 325 trials of nb_f = 8, one epoch each, on the digits inside scikit-learn. Twice a
second: how many trials have ended, and the memory of all the search's processes (their
proportional set size, which counts what they share once).
"""

import pathlib
import subprocess
import sys
import tempfile
import time

from benchmarks.kills import ended
from keras_pairs.commands.runner import say

FLAGS = ("--nb_f=8", "--epochs=1", "--dataset=digits", "--workers=2", "--verbosity=0")
TRIALS, STEP, SAMPLE_S = 325, 50, 0.5


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


def main():
    samples = []
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "search"
        command = [sys.executable, "-m", "tuner.search", *FLAGS, f"--run_dir={folder}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            samples.append((len(ended(folder)), memory(process.pid)))
            time.sleep(SAMPLE_S)
        if process.returncode or len(ended(folder)) != TRIALS:
            raise RuntimeError(f"the search ended {len(ended(folder))} trials")
    say("| trials ended | at most (MiB) |\n|---:|---:|")
    for first in range(0, TRIALS, STEP):
        inside = [mib for count, mib in samples if first <= count < first + STEP]
        last = min(first + STEP, TRIALS) - 1
        say(f"| {first} to {last} | {max(inside, default=0):.0f} |")
    before = max(mib for count, mib in samples if count <= STEP)
    after = max(mib for count, mib in samples if count > STEP)
    say(f"after the first {STEP}: {100 * (after / before - 1):+.1f} % (bound: +10 %)")


if __name__ == "__main__":
    main()
