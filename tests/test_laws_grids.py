"""Laws of grids: each point once, under any order of kills, crashes and silences."""

import contextlib
import itertools
import pathlib
import tempfile
from unittest import mock

from keras_pairs.config import TrainingConfig
from keras_pairs.training.costs import members_per_graph
from tests import searches
from tests.laws import hypothesis, law
from tuner import oracle as oracles
from tuner import project, space
from tuner.oracle import OBJECTIVE, GridOracle
from tuner.space import Grid
from tuner.trials import set_metrics

st = hypothesis.strategies
SETTINGS = {"search": "abc"}
VALUES = {
    "nb_f": (4, 6, 100, 200),
    "lr": (0.01, 0.001, 0.1),
    "batch_size": (20, 30, 60),
    "w_a": (0.0, 0.5, 1.0),
    "w_m": (1.0, 2.0),
    "trunk": ("paper", "padded"),
    "label_smoothing": (0.0, 0.1),
    "weight_sharing": (True, False),
    "epochs": (2, 3),
}


def some(values):
    return st.lists(st.sampled_from(values), min_size=1, unique=True).map(tuple)


@st.composite
def grids(draw, most=40, extended=True):
    """`Grid`s of at most so many points, some of which extend others."""
    names = draw(st.lists(st.sampled_from([*VALUES]), unique=True, max_size=4))
    axes = {name: draw(some(VALUES[name])) for name in names}
    base = TrainingConfig(4, 0.01, 20, seed=draw(st.integers(0, 9)), num_pairs=60)
    order = draw(st.sampled_from(["grid", "random"]))
    grid = Grid(axes, base, order, draw(st.integers(1, 3)))
    for _ in range(draw(st.integers(0, 2)) if extended else 0):
        name = draw(st.sampled_from([*VALUES]))
        grid = grid.extended({name: draw(some(VALUES[name]))}, draw(st.integers(1, 4)))
    hypothesis.assume(len(grid.points) <= most)
    return grid


@law
@hypothesis.given(grid=grids(300))
def test_the_points_are_the_product_of_the_axes_each_once(grid):
    names = [*grid.axes]
    points = [tuple(point[name] for name in names) for point in grid.points]
    assert sorted(points, key=str) == sorted(
        itertools.product(*grid.axes.values()), key=str
    )
    assert sorted(grid.sequence) == list(range(len(points)))
    left = iter(grid.sequence)
    for group in grid.groups:
        # One population after another.
        assert {*itertools.islice(left, len(group))} == {*group}
        shared = {tuple(grid.points[i][name] for name in grid.shared) for i in group}
        assert len(shared) == 1
        assert 1 <= len(group) <= members_per_graph(grid.configs[group[0]])
    for config, point in zip(grid.configs, grid.points, strict=True):
        assert point == {name: getattr(config, name) for name in names}


@law
@hypothesis.given(grid=grids(100), name=st.sampled_from([*VALUES]), data=st.data())
def test_what_extends_a_grid_begins_with_it(grid, name, data):
    grown = grid.extended(
        {name: data.draw(some(VALUES[name]))}, data.draw(st.integers(1, 4))
    )
    hypothesis.assume(len(grown.points) <= 600)
    count = len(grid.points)
    assert grown.configs[:count] == grid.configs
    assert grown.groups[: len(grid.groups)] == grid.groups
    assert grown.extended(dict(grid.axes), grid.rounds) is grown
    assert grid in grown.stages and grown.stages[-1] is grown


@law
@hypothesis.given(grid=grids(100))
def test_a_record_gives_the_same_grid(grid, digits):
    record = searches.describe(digits, grid, validation="test")
    with tempfile.TemporaryDirectory() as folder:
        project.claim(folder, record)
        again = project.grid(project.read(folder))
    assert again == grid and again.groups == grid.groups and again.sequence == grid.sequence


class Search:
    """A search without trainings: an oracle and workers, to which anything may happen.

    Attributes:
      results: list of (index of a point, status), in the order in which they ended.
    """

    def __init__(self, folder, grid, max_trials, retries):
        self.folder, self.grid, self.retries = folder, grid, retries
        self.max_trials = max_trials
        self.now, self.results, self.holds = 1000.0, [], {}
        self.restart(0)

    def restart(self, _):
        """The chief is killed; another reads what lies there. Its workers live on."""
        self.oracle = GridOracle(
            self.grid, SETTINGS, max_trials=self.max_trials, retries=self.retries
        )
        self.oracle.place(self.folder)
        self.oracle.reload()

    def kill(self, worker):
        """A worker is killed with its population."""
        self.holds.pop(worker, None)

    def silence(self, worker):
        """Time goes by without a sign of life; the worker has not noticed."""
        self.now += oracles.LEASE_S * 0.7

    def beat(self, worker):
        for trial in self.holds.get(worker, ())[:1]:
            self.oracle.update_trial(trial.trial_id, {oracles.HEARTBEAT: 1.0})

    def ask(self, worker):
        """A worker without a population gets one: whole, of one group, nobody else's."""
        if self.holds.get(worker):
            return
        trials = []
        while (trial := self.oracle.create_trial(f"{worker}/{len(trials)}")) and (
            trial.status == "RUNNING"
        ):
            trials.append(trial)
        self.holds[worker] = trials
        given = [int(trial.trial_id) for trial in trials]
        ended = {i for i, _ in self.results}
        assert len({self.oracle.group_of[i] for i in given}) <= 1
        assert len({*given}) == len(given) and not ended & {*given}

    def report(self, worker, status="COMPLETED"):
        """A worker reports one of its trials, be it still its own or not."""
        if not self.holds.get(worker):
            return
        trial = self.holds[worker].pop(0)
        before = self.oracle.count_ended()
        trial.status, trial.message = status, "a crash"
        if status == "COMPLETED":
            score = int(trial.trial_id) / 1000
            set_metrics(trial, {OBJECTIVE.name: score, space.BEST_SCORE: score}, 2)
        self.oracle.end_trial(trial)
        if self.oracle.count_ended() > before:
            known = self.oracle.trials[trial.trial_id]
            self.results.append((int(trial.trial_id), known.status))

    def crash(self, worker):
        self.report(worker, "INVALID")

    def diverge(self, worker):
        self.report(worker, "FAILED")

    def finish(self):
        """One more worker, to which nothing happens, until it is told that all is done."""
        for _ in range(len(self.grid.points) + 9):
            self.now += oracles.LEASE_S + 1
            self.ask("last")
            if not self.holds["last"]:
                break
            while self.holds["last"]:
                self.report("last")
        return self.oracle.create_trial("last/0").status


ACTIONS = ("ask", "report", "crash", "diverge", "kill", "silence", "beat", "restart")
# Asked for and reported more often than not: searches get somewhere.
actions = st.tuples(
    st.sampled_from(ACTIONS + ("ask", "report") * 4), st.sampled_from(["a", "b", "c"])
)


@contextlib.contextmanager
def searching(grid, happenings, max_trials=None, retries=1):
    """Yields a `Search` after what happened to it."""
    with tempfile.TemporaryDirectory() as folder:
        search = Search(pathlib.Path(folder), grid, max_trials, retries)
        with mock.patch.object(oracles, "_now", lambda: search.now):
            for action, worker in happenings:
                getattr(search, action)(worker)
            yield search


@law
@hypothesis.given(
    grid=grids(12),
    happenings=st.lists(actions, max_size=40),
    max_trials=st.none() | st.integers(1, 14),
    retries=st.integers(0, 2),
)
def test_each_point_ends_once_whatever_happens(grid, happenings, max_trials, retries):
    with searching(grid, happenings, max_trials, retries) as search:
        assert search.finish() == "STOPPED"
        wanted = grid.sequence[:max_trials]
        ended = dict(search.results)
        assert len(ended) == len(search.results)
        assert sorted(ended) == sorted(wanted)
        assert not search.oracle.ongoing_trials.keys() & {"last/0"}
        # Who comes later reads the same from the folder alone.
        search.restart(None)
        outcomes = search.oracle.outcomes()
        assert {i: outcomes[i].status for i in ended} == ended
        for i, status in ended.items():
            if status == "COMPLETED":
                assert outcomes[i].metrics[OBJECTIVE.name] == i / 1000
        assert search.finish() == "STOPPED" and len(search.results) == len(wanted)


@law
@hypothesis.given(
    grid=grids(8),
    happenings=st.lists(actions, max_size=20),
    damage=st.lists(
        st.tuples(st.integers(0, 7), st.binary(max_size=9) | st.none()), max_size=5
    ),
)
def test_a_damaged_file_costs_its_trial_and_no_other(grid, happenings, damage):
    with searching(grid, happenings) as search:
        lost = set()
        for index, content in damage:
            path = search.folder / f"trial_{space.trial_id(index)}" / "trial.json"
            if not path.exists():
                continue
            lost.add(index)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
        search.restart(None)
        kept = {i for i, _ in search.results} - lost
        found = search.oracle.outcomes()
        assert {i for i, o in found.items() if o.status in space.ENDED} == kept
        search.holds.clear()
        search.results = [(i, s) for i, s in search.results if i in kept]
        assert search.finish() == "STOPPED"
        assert sorted(i for i, _ in search.results) == list(range(len(grid.points)))
