"""Laws of damage: whatever a file of a search or an evaluation holds: one sentence."""

import copy
import json
import pathlib
import tempfile
from unittest import mock

import pytest

from keras_pairs import files
from keras_pairs.commands import configurations, flags
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UserError
from keras_pairs.outputs import names
from keras_pairs.serving import card
from keras_pairs.training import rounds
from tests import searches
from tests.laws import hypothesis, law
from tuner import curves, looking, project, pulse, rows
from tuner.oracle import GridOracle
from tuner.space import Grid

st = hypothesis.strategies
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3)
    ),
    max_leaves=5,
)
# In place of a file: bytes of any kind, JSON of any kind, or `None`: it is gone.
contents = st.none() | st.binary(max_size=60) | values.map(lambda x: json.dumps(x).encode())


def places(value, path=()):
    """The path of every part of a JSON value, as keys and indices."""
    yield path
    parts = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    for key, part in parts:
        yield from places(part, (*path, key))


@st.composite
def damaged(draw, whole):
    """`whole` with a part that is another value, gone, or of another name, as bytes."""
    if draw(st.integers(0, 4)) == 0:
        return draw(contents)
    found = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from([*places(found)]))
        if not path:
            return json.dumps(draw(values)).encode()
        where = found
        for key in path[:-1]:
            where = where[key]
        how = draw(st.sampled_from(["another", "gone", "renamed"]))
        if how == "another":
            where[path[-1]] = draw(values)
        else:
            part = where.pop(path[-1])
            if how == "renamed" and isinstance(where, dict):
                where[draw(st.text(max_size=9))] = part
    return json.dumps(found).encode()


def put(path, content):
    """Puts what is damaged into a file's place."""
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)


@pytest.fixture(scope="module")
def search(digits, tmp_path_factory):
    """{name: content} of the JSON files of a search of two trials, one of them ended."""
    folder = tmp_path_factory.mktemp("search") / "grid"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("keras_pairs.training.fit.fit", searches.train_nothing)
        patched.setattr("tuner.plots.plot_search", lambda *_: None)
        grid = Grid({"lr": (0.01, 0.1), "w_a": (1.0,)}, searches.BASE)
        searches.run(folder, digits, grid)
    names = ("search.json", "progress.json", "selected.json", "trial_0000/trial.json")
    return {name: files.read_json(folder / name) for name in names}


def written(search, folder):
    for name, content in search.items():
        (folder / name).parent.mkdir(exist_ok=True)
        files.write_json(folder / name, content)


@law
@hypothesis.given(data=st.data())
def test_a_damaged_search_is_looked_at_or_one_sentence(data, search):
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        written(search, folder)
        name = data.draw(st.sampled_from([*search]))
        put(folder / name, data.draw(damaged(search[name])))
        before = {path: path.read_bytes() for path in folder.rglob("*.json")}
        try:
            found = looking.read(folder)
            assert looking.describe(found).startswith("search: ")
            rows.of_trials(found.grid, found.outcomes)
        except UserError as error:
            assert place in str(error)
        assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before


@law
@hypothesis.given(data=st.data())
def test_a_damaged_search_goes_on_or_is_one_sentence(data, search, digits):
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        written(search, folder)
        name = data.draw(st.sampled_from([*search]))
        put(folder / name, data.draw(damaged(search[name])))
        grid = Grid({"lr": (0.01, 0.1), "w_a": (1.0,)}, searches.BASE)
        record = searches.describe(digits, grid)
        try:
            project.find(folder)
            project.claim(folder, record)
            pulse.begin(folder, 2)
        except UserError as error:
            assert place in str(error)
            return
        # What it goes on with is what the flags asked for.
        assert project.grid(project.read(folder)) == grid
        oracle = GridOracle(grid, project.settings(record))
        oracle.place(folder)
        try:
            oracle.reload()
        except UserError as error:
            assert place in str(error)
            return
        points = rows.of_points(rows.of_trials(grid, oracle.outcomes()), grid)
        assert len(rows.select(points)) <= 1


@law
@hypothesis.given(data=st.data())
def test_a_damaged_selection_is_one_sentence(data, search):
    given = flags.define(
        flags.of_training() | flags.others("run_dir") | configurations.OF_SEVERAL
    )
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "selected.json"
        put(path, data.draw(damaged(search["selected.json"])))
        given(["evaluate", f"--from_search={place}"])
        try:
            found = configurations.asked_for(given)
        except UserError as error:
            assert str(path) in str(error)
        else:
            assert found and all(isinstance(each, TrainingConfig) for each in found)


GROUP = {
    "config": 0,
    "numbers": [0, 1],
    "seconds": 3.0,
    "rounds": [
        {
            "accuracy": {"comparison": 0.5, "first_digit": 0.5, "second_digit": 0.5},
            "accuracy_of_all": 0.5,
            "reliability": {"count": [2], "predicted": [1.0], "observed": [1]},
        }
    ]
    * 2,
}


@law
@hypothesis.given(data=st.data())
def test_a_damaged_group_is_trained_again(data):
    with tempfile.TemporaryDirectory() as place:
        put(pathlib.Path(place) / "000-000.json", data.draw(damaged(GROUP)))
        found = rounds._finished(pathlib.Path(place))
    for result in found.values():
        assert isinstance(result["seconds"], float)
        (score,) = result["rounds"]
        assert score.keys() >= {"accuracy", "accuracy_of_all", "reliability"}


CARD = {
    "name": "digit_pairs",
    "version": 1,
    "training": {"dataset": {"name": "mnist"}, "config": {"w_a": 1.0, "seed": 3}},
}


@law
@hypothesis.given(data=st.data())
def test_a_damaged_card_is_none(data):
    with tempfile.TemporaryDirectory() as place:
        put(pathlib.Path(place) / card.JSON, data.draw(damaged(CARD)))
        found = card.read(pathlib.Path(place))
    assert isinstance(card.data_name(found or {}), (str, type(None)))
    assert isinstance(card.reads_digits(found or {}, names()), bool)
    seed = card.seed(found or {})
    assert isinstance(seed, int) and seed >= 0


@law
@hypothesis.given(data=st.data())
def test_a_card_is_made_of_any_record_or_none(data):
    origin = {"test_accuracy": {"comparison": 0.9}, "versions": {}, "commit": "a1"}
    origin |= {"test_accuracy_of_all": {"comparison": 0.9, "pairs": 5000}}
    content = data.draw(damaged(origin | CARD["training"]).filter(bool))
    try:
        origin = json.loads(content)
        card.check(origin)
    except (AttributeError, TypeError, ValueError):
        return
    with mock.patch.object(files, "provenance", dict):
        about = card.make("x", 1, {}, 1, origin)
    assert card.markdown(about).startswith("---") and json.dumps(about)


@law
@hypothesis.given(content=st.binary(max_size=99) | st.text().map(lambda x: x.encode()))
def test_a_damaged_curve_is_none_or_numbers(content):
    with tempfile.TemporaryDirectory() as place:
        (pathlib.Path(place) / curves.NAME).write_bytes(content)
        found = curves.read(place)
    assert found is None or {*found} == {*curves.COLUMNS}
