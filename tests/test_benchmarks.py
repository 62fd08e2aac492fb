"""The benchmarks start, refuse wrong flags in one line, and fail where a bound breaks."""

import dataclasses
import importlib
import multiprocessing
import pathlib
import subprocess
import sys
import time
from unittest import mock

import numpy as np
import pytest

from benchmarks import answering, departures, plots, studies, train
from benchmarks.bounds import Bounds
from docs import kinds
from keras_pairs import files
from keras_pairs.config import FIELDS, TrainingConfig
from keras_pairs.errors import UserError
from keras_pairs.networks.build import build_model
from keras_pairs.networks.population import build_population
from tests import helpers, networks, turning

FOLDER = pathlib.Path(departures.__file__).parent
COMMANDS = sorted(
    path.stem for path in FOLDER.glob("*.py") if "\ndef run():" in path.read_text("utf-8")
)


def test_these_are_the_benchmarks():
    names = "adam authors committees departures few fuzz gpu halving ink kills kinds "
    names += "load memory peers pictures pictures_study population search serving soak "
    names += "studies train tuners"
    assert names.split() == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("word", ["--no_such=1", "stray"])
def test_wrong_arguments_are_one_line(name, word):
    done = helpers.call(f"benchmarks.{name}", word)
    helpers.assert_one_line(done, 2, word.strip("-").partition("=")[0])


@pytest.mark.parametrize(
    ("name", "word", "message"),
    [
        ("studies", "--rounds=10", "--study is missing"),
        ("studies", "--study=nothing", "one of auxiliary"),
        ("search", "--nb_f=8,9", "one of 8, 16, 32, 64"),
        ("departures", "--networks=text,mine", "one of text"),
        ("kills", "--kills=0", "at least 1"),
        ("load", "--seconds=0", "positive"),
        ("fuzz", "--files=0", "at least 1"),
        ("pictures", "--before=docs", "a folder with a checkout"),
        ("search", "--before=none", "a folder with a checkout"),
    ],
)
def test_a_value_out_of_range_is_one_line(name, word, message):
    helpers.assert_one_line(helpers.call(f"benchmarks.{name}", word), 2, message)


@pytest.mark.parametrize(("ours", "code"), [(0.1, 0), (0.9, 1)])
def test_a_broken_bound_is_exit_code_1(ours, code, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "compare", lambda *sides: (ours, 1.0))
    monkeypatch.setattr(train, "CASES", ((64, 100, 0.8), (8, 10, 0.95)))
    done = helpers.call("benchmarks.train", "--run_dir=run", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    # The table is shown to its end all the same, and kept.
    path = tmp_path / "run" / "results.json"
    assert kinds.KINDS["training"](path) in done.stdout
    assert [row["ratio"] for row in files.read_json(path)["rows"]] == [ours, ours]
    assert ("nb_f=64, batch 100: 0.9, at most 0.8" in done.stderr) == bool(code)
    assert "nb_f=8," not in done.stderr


def test_bounds_refuse_what_is_no_number():
    bounds = Bounds()
    bounds.at_most("one", 1.0, 1)
    bounds.at_least("two", 1.0, 1)
    bounds.check()
    bounds.at_most("three", float("nan"), 1)
    bounds.at_least("four", 0.5, 1)
    with pytest.raises(UserError, match=r"three: nan, at most 1; four: 0\.5, at least 1$"):
        bounds.check()


def test_sides_take_turns():
    """Processes of their own, two of one side at the same time."""
    alone = (turning.side, (train.TURNS + 1,))
    assert train.compare([alone], [alone, alone]) == [2, 2]


def test_a_side_that_dies_ends_the_benchmark():
    with pytest.raises(UserError, match="died"):
        train.compare([(turning.side, (9,))], [(turning.side, (9, True))])
    # Joins those that were killed.
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not multiprocessing.active_children()


def departing(network, config):
    """A population of two as `departures.train` builds it."""
    from benchmarks import departing as kits
    from keras_pairs import trunks

    block, kit = departures.NETWORKS[network]
    trunk = dataclasses.replace(trunks.TRUNKS["paper"], block=block)
    with mock.patch.dict(trunks.TRUNKS, paper=trunk):
        return build_population([config, config], True, getattr(kits, kit)(2, True))


def test_each_departure_is_in_its_network(config):
    """And the text's network is the paper's."""
    made = {name: departing(name, config) for name in departures.NETWORKS}
    text = made["text"]
    plain = build_population([config, config], True)
    assert [layer.name for layer in text.layers] == [layer.name for layer in plain.layers]
    assert text.get_layer("relu_1").input is text.get_layer("batch_norm_1").output
    for name in ("relu_first", "authors"):
        first, norm = (made[name].get_layer(x) for x in ("relu_1", "batch_norm_1"))
        assert norm.input is first.output
    pair = np.random.default_rng(0).uniform(0, 255, (20, 2, 2, 14, 14)).astype("float32")
    for name in made:
        drops = made[name].get_layer("dropout_1")
        maps = np.asarray(drops(np.ones((50, 12, 12, 8), "float32"), training=True))
        whole = (maps == maps[:, :1, :1]).all()
        assert whole == (name in ("channel_dropout", "authors")), name
        assert (maps[..., :4] == maps[..., 4:]).all() and (maps == 0).any()
        hidden = [layer for layer in made[name].layers if "_hidden" in layer.name]
        assert len(hidden) == (1 if name in ("one_hidden", "authors") else 3), name
    moved = {}
    for name in ("text", "slow_momentum"):
        made[name](pair, training=True)
        moved[name] = np.asarray(made[name].get_layer("batch_norm_1").moving_mean)
    np.testing.assert_allclose(moved["slow_momentum"], moved["text"] / 10, rtol=1e-4)


def test_departures_go_on_where_they_were(digits, tmp_path, monkeypatch):
    asked = []

    def run(function, config, network, images, rounds, on_message):
        asked.append((config.nb_f, config.w_a, network))
        return np.array([[0.8, 0.7], [0.6, 0.7]])

    monkeypatch.setattr(departures.isolated, "run", run)
    monkeypatch.setattr(departures.data, "load_images", lambda *where: digits)
    wanted = ("--auxiliary=false", f"--run_dir={tmp_path}", "--rounds=2")
    done = helpers.call("benchmarks.departures", "--nb_f=16", "--networks=text", *wanted)
    assert done.returncode == 0, done.stderr
    assert "65.00 ± 7.07" in done.stdout and "75.00 ± 5.00" in done.stdout
    done = helpers.call(
        "benchmarks.departures", "--nb_f=16,8", "--networks=text,authors", *wanted
    )
    assert done.returncode == 0, done.stderr
    assert asked == [
        *((16, 0.0, "text"), (16, 0.0, "authors")),
        *((8, 0.0, "text"), (8, 0.0, "authors")),
    ]
    found = files.read_json(tmp_path / "results.json")
    assert len(found["rows"]) == 4 and found["dataset"]["name"] == "digits"
    older = found | {"rows": [{"nb_f": 8, "best_epoch": [80.0]}]}
    (tmp_path / "older").mkdir()
    files.write_json(tmp_path / "older" / "results.json", older)
    done = helpers.call("benchmarks.departures", f"--run_dir={tmp_path}/older")
    helpers.assert_one_line(done, 1, "another version")
    other = dataclasses.replace(digits, x_train=digits.x_train[::-1])
    monkeypatch.setattr(departures.data, "load_images", lambda *where: other)
    done = helpers.call("benchmarks.departures", *wanted)
    helpers.assert_one_line(done, 1, "other images")


def test_a_departure_trains(digits, config):
    config = dataclasses.replace(config, epochs=1)
    found = departures.train(None, config, "authors", digits, 2)
    assert found.shape == (1, 2) and ((found > 0.2) & (found < 1)).all()


def test_the_clients_of_load_know_who_answered(box_server, monkeypatch):
    pytest.importorskip("orjson")
    from benchmarks import clients, load

    for request, (signature, value) in load.bodies().items():
        data = load.message("digit_pairs", signature, value[:2])
        found = clients.ask(box_server.port, data, 3, 0, least=5)
        assert len(found["seconds"]) >= 5 and found["failed"] == 0, request
    _, value = load.bodies()["1 pair"]
    data = load.message("digit_pairs", "serving_default", value)
    right = box_server.predict({"instances": value.tolist()})[1]["predictions"][0]
    expected = np.array([[2.0], right["comparison"]])
    found = clients.ask(box_server.port, data, 2, 0, 6, expected)
    assert {version for run in found["versions"] for version, _ in run} == {1}
    assert sum(count for run in found["versions"] for _, count in run) >= 6
    monkeypatch.setattr(clients, "PATIENCE_S", 0)
    found = clients.ask(box_server.port, data, 1, 0, 2, expected + 0.1)
    assert found["versions"] == [[[-1, 2]]]
    wrong = load.message("digit_pairs", "serving_default", value - 300)
    assert clients.ask(box_server.port, wrong, 1, 0, 2)["failed"] == 2


def test_every_row_of_the_ablation_changes_one_field():
    configs = studies.changed(studies.ABLATION)
    assert list(configs) == ["best", *studies.ABLATION]
    for name, (base, change) in studies.ABLATION.items():
        differ = [
            field
            for field in FIELDS
            if getattr(configs[name], field) != getattr(configs[base], field)
        ]
        assert differ == list(change) and len(differ) == 1, name


def test_the_ablation_changes_what_departs_from_the_paper():
    # But the preset's width.
    changed = {field for base, change in studies.ABLATION.values() for field in change}
    assert changed == {*TrainingConfig.from_preset("best").beyond_paper(), "w_a"}


@pytest.mark.parametrize("study", studies.STUDIES)
def test_a_study_leaves_table_results_and_picture(study, digits, tmp_path, monkeypatch):
    from keras_pairs.training import rounds

    def evaluate(configs, images, run_dir, count, memory, scored_on, chosen_on):
        record = {"dataset": images.describe(), "source": {"data_path": "/home/me"}}
        files.write_json(run_dir / "config.json", record)
        rows = [
            {
                **{"nb_f": c.nb_f, "w_a": c.w_a, "mean": 90.0, "std": 1.0, "rounds": count},
                **{"mean_of_all": 91.0, "std_of_all": 0.5, "seconds": 60.0},
                **{"first_digit": 92.0, "second_digit": 93.0},
                **{"paper_mean": 80.0, "paper_std": 1.0, "calibration_error": 5.0},
                **{"accuracies": [89.0, 91.0], "accuracies_of_all": [90.5, 91.5 + i]},
                "reliability": {
                    name: [1.0] * 15 for name in ("count", "predicted", "observed")
                },
            }
            for i, c in enumerate(configs)
        ]
        return [row | {"chosen_on": row} for row in rows] if chosen_on else rows

    costs = {"bytes": 1_500_000, "milliseconds": 0.4}
    monkeypatch.setattr(studies.answering, "measured", lambda these: [costs for _ in these])
    monkeypatch.setattr(rounds, "evaluate", evaluate)
    monkeypatch.setattr(studies.data, "load_images", lambda *where: digits)
    done = helpers.call(
        "benchmarks.studies", f"--study={study}", f"--run_dir={tmp_path}", "--rounds=2"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"{study}.md").read_text() in done.stdout
    results = files.read_json(tmp_path / "results.json")
    assert results["dataset"] == digits.describe() and "source" not in results
    rows = results["rows"]
    assert len(rows) > 2 and all("name" in row for row in rows)
    assert bool(list(tmp_path.glob("*.png"))) == (studies.STUDIES[study].draw is not None)
    # What `docs.build` makes of the file is what the study printed.
    assert kinds.KINDS[study](tmp_path / "results.json") in done.stdout


@pytest.mark.slow
def test_what_a_network_takes_grows_with_its_committee():
    config = networks.config()
    alone, three = answering.measured([config, dataclasses.replace(config, committee=3)])
    weights = build_model(config).count_params()
    grown = three["bytes"] - alone["bytes"]
    # float32, and what a network's operations take.
    assert 2 * 4 * weights < grown < 2 * 4 * weights + 200_000
    assert 0 < alone["milliseconds"] < 1000


def test_benchmarks_have_no_import_of_keras_at_the_top():
    """TensorFlow's threads and noise have to be settled before it is imported."""
    code = "import sys; [__import__(f'benchmarks.{n}') for n in sys.argv[1:]]; "
    code += "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *COMMANDS], cwd=helpers.ROOT)
    assert done.returncode == 0


def test_plots_and_modules_import():
    assert callable(plots.plot_sharing)
    for name in COMMANDS:
        assert importlib.import_module(f"benchmarks.{name}").__doc__
