"""Damaged image files: each is answered, or refused in one sentence.

    python -m benchmarks.fuzz --files=1000

Whole files of every format are damaged at random, the same in every run of a seed. Each
goes through `image_files.read_png` and the model in the box, in a process that may have
2 GiB more than it has with the model loaded. Exit code 1 where one ends otherwise, takes
more than a minute, leaves a word on stderr, or where reading takes more than 1 GiB.
"""

import collections
import contextlib
import importlib.metadata
import json
import pathlib
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

from benchmarks import damage
from benchmarks.bounds import Bounds
from keras_pairs import files, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import integer

FLAGS = {
    "files": flags.Flag(integer(1), "How many damaged files of each format.", 50),
    "seed": flags.Flag(integer(0), "Decides what is damaged and how.", 0),
    **flags.others("run_dir"),
}
# On a machine that has much else to do.
LIMIT_S = 60
MEMORY = 2 * 2**30
PEAK_MIB = 1024
ANSWER = "from benchmarks import fuzz; fuzz.answer()"


def answer():
    """Answers the paths on stdin, a line of JSON each: what `ask` runs."""
    import resource

    from keras_pairs import startup

    startup.quiet(keras=False)
    startup.import_tensorflow(keras=False, onednn=True)
    import keras_pairs
    from keras_pairs.pictures import image_files

    model = keras_pairs.load()
    content = damage.samples()["PNG"][1]
    # The first answer traces the graph, which is nobody's file.
    model.compare_files([(content, content)])
    limit = int(_status("VmSize")) * 1024 + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print("{}", flush=True)
    for line in sys.stdin:
        path, row = line.rstrip("\n"), {}
        before, begun = _forget_peak(), time.process_time()
        try:
            content = image_files.read_png(path)
        except UserError as error:
            row["refused"] = str(error)
        row["mib"] = (_status("VmHWM") - before) / 1024
        if "refused" not in row:
            errors = model.compare_files([(content, content)]).errors
            row |= {"refused": str(errors[0])} if errors else {}
        row["seconds"] = time.process_time() - begun
        print(json.dumps(row), flush=True)


def _status(name):
    """KiB, of this process's memory."""
    text = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[1])


def _forget_peak():
    """Makes the highest memory so far that of now, and returns it."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


class Asked:
    """A process that answers; a new one where the last has died or been stopped."""

    def __init__(self, log):
        self._log, self._process = log, None

    def _start(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", ANSWER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        # Of its own: the end of the process before may be heard late.
        self._lines = queue.SimpleQueue()
        heard = self._process.stdout, self._lines
        threading.Thread(target=self._listen, args=heard, daemon=True).start()
        if self._lines.get() is None:
            raise UserError("the process that answers does not start")

    @staticmethod
    def _listen(stdout, lines):
        with stdout:
            for line in stdout:
                lines.put(json.loads(line))
        lines.put(None)

    def ask(self, path):
        """The row of a file, with `failed` where it ended as none should."""
        if self._process is None:
            self._start()
        written = self._log.seek(0, 2)
        # One that died since its last answer is heard below.
        with contextlib.suppress(BrokenPipeError):
            print(path, file=self._process.stdin, flush=True)
        try:
            row = self._lines.get(timeout=LIMIT_S)
        except queue.Empty:
            row = {"failed": f"not answered in {LIMIT_S} seconds", "seconds": LIMIT_S}
        if row is None:
            row = {"failed": f"the process ended with {self._process.wait()}"}
        if "failed" in row:
            self.stop()
        self._log.seek(written)
        if said := self._log.read().strip():
            row.setdefault("failed", f"left on stderr: {said.splitlines()[-1]}")
        if "\n" in row.get("refused", ""):
            row.setdefault("failed", f"not one sentence: {row['refused']}")
        return row

    def stop(self):
        """Ends the process; the next file gets another one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process = None


def fuzz(count, seed):
    """Rows of all formats, as results.json has them."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        asked = Asked(log)
        try:
            for form, whole in damage.samples().items():
                # Of its own, so that a format that is missing changes none.
                chance = random.Random(f"{form} {seed}")
                yield _row(asked, form, whole, count, chance, pathlib.Path(folder))
        finally:
            asked.stop()


def _row(asked, form, whole, count, chance, folder):
    seconds, mib, sentences, failed = [0], [0], collections.Counter(), []
    for i in range(count):
        path = folder / f"{i}.{form.lower()}"
        path.write_bytes(damage.damaged(chance.choice(whole), whole, chance))
        found = asked.ask(path)
        seconds.append(found.get("seconds", 0))
        mib.append(found.get("mib", 0))
        if "failed" in found:
            failed.append(f"{path.name}: {found['failed']}")
        elif "refused" in found:
            text = found["refused"].removeprefix(f"{path}: ").removeprefix("<bytes>: ")
            sentences[re.sub(r"\d+ × \d+", "… × …", text)] += 1
        path.unlink()
    return {
        "format": form,
        "files": count,
        "answered": count - sum(sentences.values()) - len(failed),
        "refused": sum(sentences.values()),
        "slowest_s": round(max(seconds), 3),
        "peak_mib": round(max(mib), 1),
        "failed": failed,
        "sentences": dict(sentences.most_common()),
    }


def tabulate(rows):
    """Lists of cells, the header first."""
    lines = [("format", "damaged files", "answered", "refused", "failed")]
    lines[0] += ("slowest (s of processor)", "peak memory (MiB)")
    for row in rows:
        counts = (row["files"], row["answered"], row["refused"], len(row["failed"]))
        most = f"{row['slowest_s']:.2f}", f"{row['peak_mib']:.0f}"
        lines.append((row["format"], *map(str, counts), *most))
    return lines


def main(values):
    count, seed = values["files"].value, values["seed"].value
    run_dir = files.make_run_dir(values["run_dir"].value, "fuzz")
    rows, bounds = [], Bounds()
    for row in fuzz(count, seed):
        rows.append(row)
        bounds.at_most(f"{row['format']}, failed", len(row["failed"]), 0)
        bounds.at_most(f"{row['format']}, MiB to read one", row["peak_mib"], PEAK_MIB)
    origin = files.provenance()
    for package in ("pillow", "pillow-heif"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            origin["versions"][package] = importlib.metadata.version(package)
    result = {"command": f"python -m benchmarks.fuzz --files={count} --seed={seed}"}
    files.write_json(run_dir / "results.json", {**result, "rows": rows, **origin})
    runner.say(tables.markdown_table(tabulate(rows)))
    for row in rows:
        for failure in row["failed"]:
            runner.say(f"{row['format']} {failure}")
    runner.say(f"run folder: {runner.relative(run_dir)}")
    bounds.check()


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
