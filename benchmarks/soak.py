"""Search, server and publishing together for hours: does anything grow, or stay behind?

    python -m benchmarks.soak --minutes=120 --run_dir=runs/soak

A server answers pairs and PNG files half of the time, of a model of which a process
publishes a new version every `PAUSE_S` and keeps three. Beside them the search of
`benchmarks.kills` runs again and again. Every `SAMPLE_S` it looks at memory, descriptors
and threads of server and publisher, and at the temporary files of all. Exit code 1 where a
request fails, a search differs from the first one, a temporary file is left at the end, or
after the first tenth the server grows by more than a twentieth in memory, or at all in
descriptors or threads.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import clients, kills, load
from benchmarks.bounds import Bounds
from keras_pairs import files, startup, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import number
from keras_pairs.progress import Progress

SAMPLE_S, PAUSE_S, KEEP = 30, 20, 3
BOUND = 1.05
# Share of the samples until what is loaded on demand has been loaded.
WARM = 0.1
NAMES = {"memory_mib": "memory (MiB)", "descriptors": "descriptors", "threads": "threads"}
COUNTS = {
    "minutes": "minutes",
    "requests": "requests",
    "failed requests": "failed",
    "versions published": "published",
    "searches, all with the same results": "searches",
}
FLAGS = {
    "minutes": flags.Flag(number(0, strict=True), "How long.", 120.0),
    **flags.others("run_dir"),
}


def publish_often(folder, end):
    """Publishes networks with random weights until there is a file at `end`."""
    startup.import_tensorflow()
    from keras_pairs.config import TrainingConfig
    from keras_pairs.networks.build import build_model
    from keras_pairs.serving import publishing

    model, rng = build_model(TrainingConfig.from_preset(nb_f=8)), np.random.default_rng(0)
    while not pathlib.Path(end).exists():
        for weight in model.trainable_weights:
            weight.assign(rng.normal(weight.numpy(), 0.01))
        publishing.publish(model, folder, keep=KEEP)
        time.sleep(PAUSE_S)


def looked_at(process):
    """Memory, descriptors and threads of a process."""
    import psutil

    found = psutil.Process(process)
    return {
        "memory_mib": found.memory_info().rss / 2**20,
        "descriptors": found.num_fds(),
        "threads": found.num_threads(),
    }


class Searches:
    """The same search in new folders, one after another.

    Args:
      parent: Path of a folder for theirs.
    """

    def __init__(self, parent):
        self.parent, self.done, self.first = parent, 0, None
        self._start()

    def _start(self):
        self.folder = self.parent / f"search-{self.done}"
        self.process = kills.start(self.folder)

    def look(self, again=True):
        """Starts the next search where one has ended; UserError if that one is wrong."""
        if (status := self.process.poll()) is None:
            return
        if status:
            raise UserError(f"search {self.done} ended with status {status}")
        found = kills.results(self.folder)
        if found != (self.first or found):
            raise UserError(f"results.csv of search {self.done} differs from the first")
        shutil.rmtree(self.folder)
        self.first, self.done = found, self.done + 1
        if again:
            self._start()


def soak(parent, minutes):
    """A dict of what was asked, published and searched, and `samples`."""
    served, temporary, end = (parent / name for name in ("served", "temporary", "end"))
    temporary.mkdir()
    os.environ["TMPDIR"] = str(temporary)
    call = f"publish_often({str(served)!r}, {str(end)!r})"
    code = f"from benchmarks.soak import publish_often; {call}"
    publisher = subprocess.Popen([sys.executable, "-c", code])
    searches = Searches(parent)
    try:
        while not list(served.glob("1/saved_model.pb")) and publisher.poll() is None:
            time.sleep(0.1)
        found = watched(parent, publisher, searches, 60 * minutes)
        end.touch()
        publisher.wait()
        searches.process.wait()
        searches.look(again=False)
    finally:
        publisher.kill()
        searches.process.terminate()
        # Their folder goes next.
        publisher.wait()
        searches.process.wait()
    versions = [int(path.name) for path in served.glob("[0-9]*")]
    counts = {"published": max(versions), "searches": searches.done, "left": left(parent)}
    return {"minutes": minutes} | counts | found


def watched(parent, publisher, searches, seconds):
    """A dict of what was asked, and `samples`, of so many seconds."""
    served, samples, failed, requests = parent / "served", [], 0, 0
    asked = load.bodies()
    messages = [
        load.message(served.name, *asked[name])
        for name in ("1 pair", "1 pair of PNG files")
    ]
    begun, progress = time.monotonic(), Progress(round(seconds), "second")
    with load.server(served) as (port, process):
        while (past := time.monotonic() - begun) < seconds:
            for message in messages:
                found = clients.ask(port, message, 2, SAMPLE_S / 4)
                failed += found["failed"]
                requests += len(found["seconds"])
            time.sleep(SAMPLE_S / 2)
            searches.look()
            if publisher.poll() is not None:
                raise UserError("publishing failed")
            looks = {"server": looked_at(process), "publisher": looked_at(publisher.pid)}
            samples.append(looks | {"seconds": past, "temporary": len(left(parent))})
            progress.show(min(round(past), round(seconds)))
    return {"requests": requests, "failed": failed, "samples": samples}


def left(parent):
    """Temporary files of all: those of TMPDIR, and hidden folders beside the versions."""
    found = [*(parent / "temporary").iterdir()]
    found += (path for path in (parent / "served").glob(".*") if path.is_dir())
    return sorted(str(path.relative_to(parent)) for path in found)


def growth(samples, who, what):
    """(most in the first tenth of the samples, most after it)."""
    warm = max(round(WARM * len(samples)), 1)
    values = [sample[who][what] for sample in samples]
    return max(values[:warm]), max(values[warm:], default=values[-1])


def tabulate(record):
    """Lines of a table; `python -m docs.build` makes the same one from results.json."""
    lines = [("", "most in the first tenth", "most after it", "at the end")]
    for who in ("server", "publisher"):
        for what, title in NAMES.items():
            values = (
                *growth(record["samples"], who, what),
                record["samples"][-1][who][what],
            )
            lines.append((f"{who}: {title}", *(f"{value:,.0f}" for value in values)))
    counts = [(name, f"{record[key]:,.0f}") for name, key in COUNTS.items()]
    counts.append(("temporary files left", str(len(record["left"]))))
    return lines + [(name, "", "", count) for name, count in counts]


def main(values):
    run_dir = files.make_run_dir(values["run_dir"].value, "soak")
    with tempfile.TemporaryDirectory() as parent:
        record = soak(pathlib.Path(parent), values["minutes"].value) | files.provenance()
    files.write_json(run_dir / "results.json", record)
    runner.say(tables.markdown_table(tabulate(record)))
    runner.say(f"run folder: {runner.relative(run_dir)}")
    bounds = Bounds()
    bounds.at_most("failed requests", record["failed"], 0)
    bounds.at_most("temporary files left", len(record["left"]), 0)
    for what, factor in (("memory_mib", BOUND), ("descriptors", 1), ("threads", 1)):
        before, after = growth(record["samples"], "server", what)
        bounds.at_most(f"the server's {NAMES[what]}", after / before, factor)
    bounds.check()


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
