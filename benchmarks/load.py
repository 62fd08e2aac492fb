"""How much the server answers, and how fast; and what its clients see of new versions.

    python -m benchmarks.load --run_dir=runs/load

First 1, 8 and 32 clients ask for 1 pair, 32 pairs and a pair of PNG files, some seconds
each; beside it stands a bare loop over the SavedModel, in one thread. Then at least 10,000
requests are sent while ten versions are published that answer differently. The server is a
process of its own; clients and loop share another. Exit code 1 where a request fails, an
answer is of none of the versions or of an older one than before, or the server's memory
grows by more than a twentieth after the third version.
"""

import base64
import concurrent.futures
import contextlib
import io
import json
import multiprocessing
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy as np

from benchmarks import cases, clients
from benchmarks.bounds import Bounds
from keras_pairs import files, startup, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import integer, number
from keras_pairs.serving import box

CLIENTS = (1, 8, 32)
VERSIONS, PAUSE_S = 10, 2.0
# Quantiles need so many.
LEAST = 2
BOUND = 1.05
FLAGS = {
    "seconds": flags.Flag(
        number(0, strict=True), "Seconds for each row of the table.", 5.0
    ),
    "requests": flags.Flag(integer(1), "Requests at least, while versions change.", 10_000),
    **flags.others("run_dir"),
}


def bodies():
    """{what is asked: (signature, array as the signature takes it)}."""
    pairs = np.random.default_rng(0).integers(0, 256, (32, 2, 14, 14))
    buffer = io.BytesIO()
    cases.drawn_zero().save(buffer, "PNG")
    png = np.full((1, 2), buffer.getvalue(), object)
    return {
        "1 pair": ("serving_default", pairs[:1].astype("float32")),
        "32 pairs": ("serving_default", pairs.astype("float32")),
        "1 pair of PNG files": ("png", png),
    }


def message(name, signature, value):
    """The request, as bytes."""
    rows = value.tolist()
    if signature == "png":
        rows = [[{"b64": base64.b64encode(x).decode()} for x in pair] for pair in rows]
    body = {"signature_name": signature, "instances": rows}
    return clients.request(f"/v1/models/{name}:predict", body)


def bare(path, signature, value, seconds):
    """Seconds of each call of a loop over a SavedModel."""
    startup.import_tensorflow(keras=False, onednn=True)
    from keras_pairs.server.loaded import Loaded

    model, took = Loaded(path, 1), []
    (name,) = model.signatures[signature].inputs
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(took) < LEAST:
        begun = time.perf_counter()
        model.run(signature, {name: value})
        took.append(time.perf_counter() - begun)
    return took


@contextlib.contextmanager
def server(model):
    """Yields (port, process id) of a server of a folder."""
    command = [sys.executable, "-m", "keras_pairs.serve", f"--model={model}", "--port=0"]
    log = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        first = process.stdout.readline()
        found = re.search(r":(\d+) serves", first)
        if not found:
            raise UserError(f"the server did not start: {first!r}")
        yield int(found[1]), process.pid
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def summary(request, count, took, wall, failed=0):
    """A row of the table."""
    # n - 1 cut points for n parts, of which the 99th is p99.
    points = statistics.quantiles(took, n=100, method="inclusive")
    return {
        **{"request": request, "clients": count, "failed": failed, "requests": len(took)},
        **{"per_second": len(took) / wall, "p50_ms": 1000 * statistics.median(took)},
        "p99_ms": 1000 * points[98],
    }


def throughput(pool, seconds):
    """Yields rows, the bare loop's with 0 clients."""
    path = box.path()
    for request, (signature, value) in bodies().items():
        took = pool.submit(bare, path, signature, value, seconds).result()
        yield summary(request, 0, took, sum(took))
    with server(path.parent) as (port, _):
        for request, (signature, value) in bodies().items():
            data = message(path.parent.name, signature, value)
            # The first requests find the graph cold for their number of rows.
            pool.submit(clients.ask, port, data, 32, 1.0).result()
            for count in CLIENTS:
                asking = pool.submit(clients.ask, port, data, count, seconds, LEAST)
                found = asking.result()
                yield summary(
                    request, count, found["seconds"], found["wall"], found["failed"]
                )


def make_versions(folder, pairs):
    """Publishes networks with random weights; returns what each answers for the pairs."""
    startup.import_tensorflow()
    from keras_pairs.config import TrainingConfig
    from keras_pairs.networks.build import build_model
    from keras_pairs.serving import comparer, publishing

    model, answers = build_model(TrainingConfig.from_preset(nb_f=8)), []
    rng = np.random.default_rng(0)
    for _ in range(VERSIONS + 1):
        for weight in model.trainable_weights:
            weight.assign(rng.normal(weight.numpy(), 0.05))
        path = publishing.publish(model, folder)
        found = comparer.load(path).compare(pairs[:, 0], pairs[:, 1])
        answers.append(found.probability)
    return np.array(answers)


def wait_for(port, version):
    """Returns when a server serves a version."""
    deadline = time.monotonic() + clients.PATIENCE_S
    while time.monotonic() < deadline:
        url = f"http://127.0.0.1:{port}/healthz"
        with urllib.request.urlopen(url, timeout=60) as answer:
            if json.load(answer)["version"] == version:
                return
        time.sleep(0.1)
    raise UserError(f"version {version} is not served")


def publishing_under_load(pool, requests):
    """A dict of what the clients saw, and of the memory, MiB, after each version."""
    import psutil

    pairs = bodies()["32 pairs"][1][:4]
    with tempfile.TemporaryDirectory() as parent:
        drafts, folder = pathlib.Path(parent) / "drafts", pathlib.Path(parent) / "served"
        folder.mkdir()
        expected = pool.submit(make_versions, drafts, pairs).result()
        os.rename(drafts / "1", folder / "1")
        with server(folder) as (port, process):
            data = message("served", "serving_default", pairs)
            asking = pool.submit(clients.ask, port, data, 8, PAUSE_S, requests, expected)
            memory = []
            for number in range(1, VERSIONS + 2):
                if number > 1:
                    os.rename(drafts / str(number), folder / str(number))
                wait_for(port, number)
                time.sleep(PAUSE_S)
                memory.append(psutil.Process(process).memory_info().rss / 2**20)
            found = asking.result()
    runs = found["versions"]
    row = summary("4 pairs", 8, found["seconds"], found["wall"], found["failed"])
    return row | {
        "of_no_version": sum(n for run in runs for version, n in run if version < 0),
        "back_to_older": sum(run != sorted(run) for run in runs),
        "versions_seen": len({version for run in runs for version, _ in run}),
        "memory_mib": memory,
    }


def table(rows):
    """Lines of cells: the rows of `results.json`."""
    lines = [("request", "clients", "requests/s", "p50 (ms)", "p99 (ms)", "failed")]
    for row in rows:
        count = str(row["clients"] or "bare loop")
        numbers = (f"{row[key]:,.1f}" for key in ("per_second", "p50_ms", "p99_ms"))
        lines.append((row["request"], count, *numbers, str(row["failed"])))
    return lines


def page(record):
    """What `python -m docs.build` makes of a results.json."""
    change = record["publishing"]
    memory = " ".join(f"{mib:.0f}" for mib in change["memory_mib"])
    lines = [
        *("while versions changed", "requests", "failed", "of no version"),
        *("back to an older one", "versions seen", "p50 (ms)", "p99 (ms)"),
    ]
    shown = [change[key] for key in ("requests", "failed", "of_no_version")]
    shown += [change["back_to_older"], change["versions_seen"]]
    times = [f"{change[key]:,.1f}" for key in ("p50_ms", "p99_ms")]
    row = [f"{change['clients']} clients, {change['request']}"]
    versions = record["versions"]
    return "\n".join(
        [
            tables.markdown_table(table(record["rows"])),
            tables.markdown_table([lines, row + [f"{n:,}" for n in shown] + times]),
            f"- the server's memory after each version (MiB): {memory}",
            f"- code: commit {(record['commit'] or 'unknown')[:7]}; tensorflow "
            f"{versions['tensorflow']}, python {versions['python']}",
            f"- machine: {record['machine']}",
            "",
        ]
    )


def main(values):
    run_dir = files.make_run_dir(values["run_dir"].value, "load")
    spawn = multiprocessing.get_context("spawn")
    bounds, rows = Bounds(), []
    pools = (concurrent.futures.ProcessPoolExecutor(1, spawn) for _ in range(2))
    with next(pools) as pool:
        for row in throughput(pool, values["seconds"].value):
            runner.say(" | ".join(table([row])[1]))
            rows.append(row)
            bounds.at_most(f"failed of {row['request']}", row["failed"], 0)
    with next(pools) as pool:
        change = publishing_under_load(pool, values["requests"].value)
    record = {"rows": rows, "publishing": change} | files.provenance()
    files.write_json(run_dir / "results.json", record)
    runner.say(f"\n{page(record)}")
    for name in ("failed", "of_no_version", "back_to_older"):
        bounds.at_most(f"{name} while versions changed", change[name], 0)
    bounds.at_least("versions seen", change["versions_seen"], VERSIONS + 1)
    memory = change["memory_mib"]
    bounds.at_most("memory", max(memory[3:]) / max(memory[:3]), BOUND)
    runner.say(f"run folder: {runner.relative(run_dir)}")
    bounds.check()


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
