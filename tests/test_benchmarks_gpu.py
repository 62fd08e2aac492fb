"""`benchmarks.gpu`: what its tables say, and that it measures what is there."""

import json

import pytest

from benchmarks import gpu
from keras_pairs.paper import GRID
from tests import helpers


def row(nb_f, batch_size, members, side, seconds, memory_mib=1.0):
    return {
        "nb_f": nb_f,
        "batch_size": batch_size,
        "members": members,
        "side": side,
        "seconds": seconds,
        "memory_mib": memory_mib,
    }


def test_the_faster_way_decides_what_a_member_costs():
    rows = [row(8, 50, 10, "products", 0.02, 2000.4), row(8, 50, 10, "grouped", 0.05)]
    # Of a case that was not measured to its end.
    rows.append(row(16, 50, 10, "grouped", 0.05))
    _, *lines = gpu.tabulate({"rows": rows})
    assert lines == [("8", "50", "10", "50.0", "20.0", "2.50", "2.00", "1", "2,000")]


def test_a_grid_takes_the_epochs_of_each_batch_size():
    rows = []
    for seconds, size in enumerate(GRID["batch_size"], 1):
        rows.append(row(8, size, 65, "grouped", seconds))
        rows.append(row(8, size, 65, "products", 3))
    # A width without all batch sizes is not told.
    rows.append(row(16, 10, 65, "grouped", 1))
    _, *lines = gpu.tabulate_grid({"rows": rows})
    # 150 epochs of 1 + 2 + 3 + 4 + 5, of 5 times 3, and of 1 + 2 + 3 + 3 + 3 seconds.
    assert lines == [("8", "37.5", "37.5", "30.0")]


def test_it_measures_what_is_there(tmp_path):
    pytest.importorskip("jax")
    words = ("--nb_f=2", "--batch_size=500", "--members=2,3", f"--run_dir={tmp_path}")
    done = helpers.call("benchmarks.gpu", *words)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results.json").read_text())["rows"]
    cases = [(each["members"], each["side"]) for each in found]
    assert cases == [(k, side) for k in (2, 3) for side in ("grouped", "products")]
    assert all(each["seconds"] > 0 and each["memory_mib"] > 0 for each in found)


def test_pairs_that_make_no_whole_batches_are_refused():
    pytest.importorskip("jax")
    done = helpers.call("benchmarks.gpu", "--batch_size=50,30")
    helpers.assert_one_line(done, 1, "30 does not divide 1,000")
