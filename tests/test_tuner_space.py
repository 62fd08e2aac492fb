"""Searches as a base and axes: flags, points, their order, their groups, their costs."""

import dataclasses
import re

import keras_tuner
import numpy as np
import pytest

from keras_pairs import files
from keras_pairs.commands import configurations, flags
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UsageError, UserError
from keras_pairs.paper import GRID
from keras_pairs.training import costs
from keras_pairs.trunks import TRUNKS
from tests import searches
from tuner import choices, hypermodel, pairs, plan, project, results, rows, search, space
from tuner.oracle import OBJECTIVE, GridOracle
from tuner.space import Grid
from tuner.trials import set_metrics

SMALL = TrainingConfig(4, 0.01, 20, epochs=2, num_pairs=60)


def asked(*arguments):
    values = flags.define(search.FLAGS)
    values(["search", *arguments])
    return choices.grid(values)


def describe(grid, images, **changes):
    return searches.describe(images, grid, **{"retries": 0, "keep_models": 1} | changes)


def test_without_flags_it_is_the_papers_grid_in_the_papers_order():
    grid = asked()
    assert grid == Grid() and {**grid.axes} == GRID
    assert list(grid.axes) == ["nb_f", "batch_size", "lr", "w_a"]
    assert len(grid.points) == 4 * 325 and len(grid.configs) == 4 * 325
    assert grid.points[0] == {"nb_f": 8, "batch_size": 10, "lr": 0.01, "w_a": 0.0}
    assert grid.points[66] == {"nb_f": 8, "batch_size": 20, "lr": 0.01, "w_a": 0.1}
    # As before there were other axes: 26, 13, 6 and 3 at most.
    sizes = [len(group) for group in grid.groups]
    assert sizes[:3] == [21, 22, 22] and sizes[15:20] == [13] * 5
    assert [len(grid.groups), min(sizes), max(sizes)] == [5 * (3 + 5 + 11 + 22), 2, 22]


def test_groups_agree_in_all_that_a_graph_shares_and_divide_the_points():
    axes = {
        "trunk": ("paper", "padded"),
        "weight_sharing": (True, False),
        "w_m": (1.0, 2.0),
    }
    axes |= {"nb_f": (8, 500), "seed": tuple(range(30)), "label_smoothing": (0.0, 0.1)}
    grid = Grid(axes, SMALL)
    assert [i for group in grid.groups for i in group] == list(range(len(grid.points)))
    for group in grid.groups:
        shared = {tuple(grid.points[i][name] for name in grid.shared) for i in group}
        assert len(shared) == 1
        assert len(group) <= costs.members_per_graph(grid.configs[group[0]])
    names = ["nb_f", "batch_size", "weight_sharing", "trunk", "label_smoothing"]
    assert list(grid.axes) == [*names, "lr", "w_m", "w_a", "seed"]
    assert grid.shared == tuple(names)


def test_any_field_is_an_axis():
    grid = asked(
        *("--trunk=paper,padded", "--label_smoothing=0,0.1", "--weight_sharing=true,false"),
        *("--nb_f=8", "--lr=0.01", "--batch_size=50", "--w_a=1", "--epochs=3"),
    )
    assert grid.axes["weight_sharing"] == (True, False)
    assert grid.axes["trunk"] == ("paper", "padded")
    assert len(grid.points) == 8 and "epochs" not in grid.axes
    assert {config.epochs for config in grid.configs} == {3}
    assert grid.configs[1].label_smoothing == 0.1 and grid.configs[0].weight_sharing is True
    for name in space.ORDER:
        values = {"trunk": "paper,padded"}.get(name, "1,2")
        kind = flags.FIELDS[name].metadata["kind"]
        if kind.rule == "true or false":
            values = "true,false"
        elif name == "label_smoothing":
            values = "0.1,0.2"
        assert len(asked("--preset=best", f"--{name}={values}").axes[name]) == 2


def test_what_trials_are_compared_by_keeps_its_name():
    assert OBJECTIVE.name == "val_comparison_accuracy" == rows.METRICS[0]
    assert OBJECTIVE.direction == "max"
    assert rows.METRICS[1:5] == (
        *("best_val_comparison_accuracy", "best_epoch"),
        *("val_first_digit_accuracy", "val_second_digit_accuracy"),
    )


def test_data_are_no_axis():
    with pytest.raises(Exception, match="dataset"):
        asked("--dataset=mnist,digits")
    with pytest.raises(ValueError, match="An axis must be one of .*Received: dataset"):
        Grid({"dataset": ("mnist", "digits")})
    with pytest.raises(ValueError, match="lr must have at least one value"):
        Grid({"lr": ()})


def test_any_preset_can_be_searched():
    grid = asked("--preset=best", "--lr=0.01,0.005")
    best = TrainingConfig.from_preset("best")
    assert grid.configs == [dataclasses.replace(best, lr=lr) for lr in (0.01, 0.005)]
    assert grid.axes["nb_f"] == (24,) and grid.axes["w_a"] == (1.0,)
    # The paper's grid where the preset is the paper's.
    assert asked("--preset=shared").points[0].keys() == GRID.keys()
    assert len(asked("--preset=shared").points) == 1
    assert asked("--weight_sharing").base.weight_sharing is True
    assert len(asked("--weight_sharing").points) == 1300


def test_an_illegal_point_is_one_sentence():
    with pytest.raises(UserError, match="w_m . w_a must be positive"):
        asked("--w_m=0,1")


@pytest.mark.parametrize(
    "axes",
    [
        {"seed": (0, 1), "w_a": (0.0, 1.0)},
        {"num_pairs": (40, 60)},
        {"w_a": (0.0, 1.0)},
    ],
)
def test_pairs_follow_from_a_points_own_seed_and_number(digits, axes):
    grid = Grid(axes, SMALL)
    for group in grid.groups:
        configs = [grid.configs[i] for i in group]
        found = pairs.splits_of(digits, configs, describe(grid, digits))
        assert isinstance(found, list) == ("seed" in axes)
        every = found if isinstance(found, list) else [found] * len(configs)
        assert len(every) == len(configs)
        for config, splits in zip(configs, every, strict=True):
            own = pairs.splits_of(digits, [config], describe(grid, digits))
            assert len(splits.train) == config.num_pairs
            assert np.array_equal(splits.train.images, own.train.images)
    record = describe(grid, digits, validation="test")
    tested = pairs.splits_of(digits, configs[:1], record)
    assert np.array_equal(tested.validation.images, tested.test.images)


def test_a_record_holds_all_and_is_read_again(digits, tmp_path):
    axes = {"weight_sharing": (True, False), "trunk": ("padded", "paper"), "seed": (3, 4)}
    grid = Grid(axes, dataclasses.replace(SMALL, label_smoothing=0.05))
    project.claim(tmp_path, describe(grid, digits))
    found = project.read(tmp_path)
    assert project.grid(found) == grid
    assert found["config"]["label_smoothing"] == 0.05 and "seed" not in found["config"]
    same = {"weight_sharing": (True, False), "label_smoothing": (0.05,)}
    project.check_same(tmp_path, found, same)
    said = "weight_sharing=true,false there, false here; seed=3,4 there, 3,5 here"
    with pytest.raises(UserError, match=said):
        other = {"weight_sharing": (False,), "seed": (3, 5)}
        project.check_same(tmp_path, found, other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("validate_every", "often"), ("halving", "no"), ("order", "sideways")),
        *(("rounds", True), ("validation", "nothing"), ("preset", "nobody")),
        *(("keep_models", 0), ("retries", -1), ("pairs_wanted", "x"), ("pairs_wanted", 0)),
    ],
)
def test_a_record_that_no_search_writes_is_refused(digits, tmp_path, name, value):
    project.claim(tmp_path, searches.describe(digits))
    record = files.read_json(tmp_path / project.RECORD)
    assert project.read(tmp_path)[name] == record[name]
    files.write_json(tmp_path / project.RECORD, record | {name: value})
    with pytest.raises(project.NoRecordError, match="not the record of a search"):
        project.read(tmp_path)


def test_results_of_other_axes(digits, tmp_path):
    """Each trial's file, results and selection hold strings and bools as what they are."""
    axes = {
        "weight_sharing": (True, False),
        "trunk": ("padded", "paper"),
        "w_a": (0.0, 1.0),
    }
    grid = Grid(axes, SMALL)
    record = describe(grid, digits)
    oracle = GridOracle(grid, project.settings(record), keep_models=1)
    oracle.place(tmp_path)
    for i in range(len(grid.points)):
        trial = oracle.create_trial("a/0")
        values = trial.hyperparameters.values
        assert {name: values[name] for name in grid.axes} == grid.points[i]
        assert type(values["weight_sharing"]) is bool
        metrics = dict.fromkeys(rows.METRICS, 0.5) | {OBJECTIVE.name: (i + 1) / 10}
        set_metrics(trial, metrics, 2)
        trial.status = "FAILED" if i == 7 else "COMPLETED"
        oracle.end_trial(trial)
    again = GridOracle(grid, project.settings(record), keep_models=1)
    again.place(tmp_path)
    again.reload()
    assert again.count_ended("COMPLETED") == 7
    found = rows.of_trials(grid, again.outcomes())
    text = results.write(found, grid, record, tmp_path)
    assert "weight_sharing |  trunk" in text and "trunk=paper, lr=0.01, w_a=1)" in text
    header, first, *_ = (tmp_path / "results.csv").read_text().splitlines()
    assert header.startswith(
        "trial,nb_f,batch_size,weight_sharing,trunk,lr,w_a,w_m,epochs,"
    )
    assert first.startswith("0000,4,20,True,padded,0.01,0.0,1.0,2,")
    assert (tmp_path / "results.png").stat().st_size > 1000
    selected = files.read_json(tmp_path / configurations.SELECTED)["configs"]
    assert [TrainingConfig(**config) for config in selected] == [
        dataclasses.replace(grid.configs[i], dataset="digits") for i in (6, 5)
    ]
    values = flags.define(
        flags.of_training() | flags.others("run_dir") | configurations.OF_SEVERAL
    )
    values(["evaluate", f"--from_search={tmp_path}", "--epochs=5"])
    asked_for = configurations.asked_for(values)
    assert [config.to_dict() for config in asked_for] == [
        config | {"epochs": 5} for config in selected
    ]
    # One of them has no auxiliary loss.
    values(["evaluate", f"--from_search={tmp_path}", "--w_m=0"])
    with pytest.raises(UsageError, match="w_m [+] w_a must be positive"):
        configurations.asked_for(values)


def test_results_name_the_preset_that_was_given(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.plots.plot_search", lambda *_: None)
    grid = Grid({}, dataclasses.replace(TrainingConfig.from_preset("best"), num_pairs=60))
    metrics = dict.fromkeys(rows.METRICS, 0.5)
    trials = rows.of_trials(grid, {0: space.Outcome("COMPLETED", metrics)})
    for preset, last in (("best", "preset"), ("paper", "reason")):
        record = describe(grid, digits, preset=preset)
        text = results.write(trials, grid, record, tmp_path)
        header, row = (tmp_path / "results.csv").read_text().splitlines()
        assert header.split(",")[-1] == last and row.endswith(",best") == (preset == "best")
        assert ("as in the preset best" in text) == (preset == "best")
        assert files.read_json(tmp_path / configurations.SELECTED)["preset"] == preset


def test_costs_of_the_papers_trunk_are_as_measured():
    for nb_f, members, seconds in ((8, 26, 0.0461), (16, 13, 0.1012), (64, 3, 0.6260)):
        config = TrainingConfig(nb_f, 0.01, 10, epochs=1)
        assert costs.members_per_graph(config) == members
        assert costs.estimated_seconds(config) == pytest.approx(seconds, abs=1e-4)
        assert costs.estimated_seconds(
            dataclasses.replace(config, epochs=10, num_pairs=500)
        ) == pytest.approx(5 * seconds, rel=1e-3)


def test_costs_follow_the_trunk_and_count_a_pairs_images():
    paper = TrainingConfig(8, 0.01, 10)
    trunk = TRUNKS["paper"]
    assert trunk.activations() == 144 + 100 + 64 + 36 + 16 + 4
    assert trunk.products() == 100 + 64 + 36 + 16 + 4
    assert TRUNKS["padded"].products() == 196 + 49 * 2 + 49 * 4 + 9 * 8 + 9 * 16
    padded = dataclasses.replace(paper, trunk="padded")
    shared = dataclasses.replace(paper, weight_sharing=True)
    assert [costs.members_per_graph(c) for c in (paper, padded, shared)] == [26, 14, 13]
    for other in (padded, shared):
        assert costs.estimated_seconds(other) > 1.5 * costs.estimated_seconds(paper)


def test_the_plan_has_a_line_for_each_kind_of_graph():
    axes = {"trunk": ("paper", "padded"), "epochs": (2, 4), "w_a": (0.0, 1.0)}
    text = plan.describe(Grid(axes, SMALL), None, 2)
    assert (
        text.splitlines()[0].split()
        == "| nb_f | batch_size | epochs | trunk | trials | one thread |".split()
    )
    assert len(text.splitlines()) == 2 + 4 + 1
    last = text.splitlines()[-1]
    assert last.startswith("8 trials of 2 or 4 epochs, under a minute with 2 workers")
    assert "| under a minute |" in text and "0:0" not in text
    long = plan.describe(Grid({}, dataclasses.replace(SMALL, epochs=90_000)), None, 1)
    assert re.search(r"1 trial of 90000 epochs, about \d+:\d\d", long), long
    assert plan.describe(Grid(axes, SMALL), 3, 2).splitlines()[-1].startswith("3 trials")


def test_the_hypermodel_has_the_axes_of_its_grid():
    axes = {"trunk": ("padded", "paper"), "weight_sharing": (True, False)}
    model = hypermodel.PairsHyperModel(Grid(axes, SMALL))
    hp = keras_tuner.HyperParameters()
    network = model.build(hp)
    assert set(axes) <= set(hp.values)
    hp.values |= {"weight_sharing": True, "trunk": "padded", "lr": 0.01}
    assert model.config(hp) == dataclasses.replace(
        SMALL, weight_sharing=True, trunk="padded", w_a=1.0
    )
    assert {type(layer).__module__.partition(".")[0] for layer in network.layers} == {
        "keras"
    }
    assert network.optimizer.epsilon == 1e-8
