"""The order in which the points of a grid are given out."""

import collections
import dataclasses

import pytest

from keras_pairs.errors import UserError
from tests import searches
from tests.searches import BASE
from tuner import plan, project
from tuner.oracle import GridOracle
from tuner.space import Grid

# Two widths, whose populations are not of one size.
AXES = {
    "nb_f": (20, 60),
    "batch_size": (20, 30),
    "lr": (0.01, 0.005, 0.001),
    "w_a": (0.0, 1.0, 2.0),
}


def random_grid(seed, axes=AXES):
    return Grid(axes, dataclasses.replace(BASE, seed=seed), "random")


# Of seed 1: the first populations.
EXPECTED = [[19, 21, 24], [28, 31, 32], [18, 20, 26]]


def test_the_grids_order_is_that_of_its_points():
    grid = Grid(AXES, BASE)
    assert grid.sequence == list(range(36)) and grid.order == "grid"


def test_a_random_order_has_every_point_once_in_populations_that_share_a_graph():
    grid = random_grid(0)
    assert grid.points == Grid(AXES, BASE).points
    assert sorted(grid.sequence) == list(range(36)) != grid.sequence
    sizes = collections.Counter(map(len, Grid(AXES, BASE).groups))
    assert collections.Counter(map(len, grid.groups)) == sizes
    for group in grid.groups:
        assert (
            len({(p["nb_f"], p["batch_size"]) for p in map(grid.points.__getitem__, group)})
            == 1
        )
    # The points of a cell are mixed, and so are the cells.
    assert any(group != list(range(group[0], group[-1] + 1)) for group in grid.groups)
    assert [group[0] for group in grid.groups] != sorted(group[0] for group in grid.groups)


def test_the_seed_decides_the_order():
    assert random_grid(3).groups == random_grid(3).groups
    assert random_grid(3).groups != random_grid(4).groups
    # It must not change between versions: a search goes on with its populations.
    assert random_grid(1).groups[:3] == EXPECTED


def test_every_point_is_as_likely_to_be_early():
    first = collections.Counter()
    rounds = 600
    for seed in range(rounds):
        grid = random_grid(seed)
        first.update(i for group in grid.groups[:4] for i in group)
    share = 4 / len(grid.groups)
    # Five standard deviations of a binomial.
    most = 5 * (rounds * share * (1 - share)) ** 0.5
    for i in range(36):
        assert abs(first[i] - rounds * share) < most, i


def test_a_search_of_a_few_trials_has_no_favourites():
    """Also where it ends within a population."""
    axes = {"nb_f": (8,), "batch_size": (50,), "lr": AXES["lr"], "w_a": AXES["w_a"]}
    first, rounds = collections.Counter(), 600
    for seed in range(rounds):
        grid = random_grid(seed, axes)
        assert len(grid.groups) == 1
        first.update(grid.sequence[:3])
    for i in range(9):
        # Five standard deviations of a binomial.
        assert abs(first[i] - rounds / 3) < 5 * (rounds * 2 / 9) ** 0.5, i


def test_an_oracle_gives_points_in_that_order(tmp_path):
    grid = random_grid(0)
    oracle = GridOracle(grid, {"search": "abc"}, max_trials=20)
    oracle.place(tmp_path)
    given = []
    while len(given) < 20:
        trial = oracle.create_trial("a/0")
        given.append(int(trial.trial_id))
        trial.status = "FAILED"
        oracle.end_trial(trial)
    assert given == grid.sequence[:20] == oracle.wanted
    assert oracle.create_trial("a/0").status == "STOPPED"
    assert plan.describe(grid, 20, 1).splitlines()[-1].startswith("20 trials")


def test_a_search_in_random_order_keeps_its_order(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_pairs.training.fit.fit", searches.train_nothing)
    monkeypatch.setattr("tuner.plots.plot_search", lambda *_: None)
    axes = {"batch_size": (20, 30, 60), "lr": (0.01, 0.001), "w_a": (0.0, 1.0)}
    grid = Grid(axes, BASE, "random")
    _, rows = searches.run(tmp_path / "random", digits, grid, max_trials=5)
    ids = [int(row["trial"]) for row in rows]
    assert ids == sorted(grid.sequence[:5]) != [0, 1, 2, 3, 4]
    assert project.grid(project.read(tmp_path / "random")) == grid
    _, rows = searches.run(tmp_path / "random", digits, grid)
    _, same = searches.run(tmp_path / "grid", digits, Grid(axes, BASE))
    without = [[row | {"seconds": None} for row in found] for found in (rows, same)]
    assert without[0] == without[1] and len(rows) == 12
    with pytest.raises(UserError, match="another search: order=random there, grid here"):
        searches.run(tmp_path / "random", digits, Grid(axes, BASE))
