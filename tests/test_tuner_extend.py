"""Searches that grow: `--extend`."""

import pytest

from keras_pairs import files
from keras_pairs.commands import flags
from keras_pairs.errors import UserError
from tests import helpers, searches
from tests.searches import BASE, describe
from tuner import agreement, choices, importance, looking, plan, project, search
from tuner.parts import make_tuner
from tuner.progress import SearchProgress
from tuner.space import Grid

AXES = {"batch_size": (20, 30), "lr": (0.01, 0.001), "w_a": (0.0, 1.0)}
GRID = Grid(AXES, BASE)


@pytest.fixture
def trained(monkeypatch):
    """Takes the trainings out of searches; a list of the configurations trained."""
    seen = []

    def fake(configs, *_, **__):
        seen.extend(configs)
        return searches.FakeTrained(configs)

    monkeypatch.setattr("keras_pairs.training.fit.fit", fake)
    monkeypatch.setattr("tuner.plots.plot_search", lambda *_: None)
    return seen


def test_a_grid_grows_behind_what_it_was():
    grown = GRID.extended({"lr": (0.1,), "trunk": ("padded",)})
    assert grown.axes["lr"] == (0.01, 0.001, 0.1)
    assert grown.axes["trunk"] == ("paper", "padded")
    assert len(grown.points) == 24
    assert grown.points[:8] == [
        {name: point.get(name, "paper") for name in grown.axes} for point in GRID.points
    ]
    assert len({tuple(point.values()) for point in grown.points}) == 24
    assert grown.configs[:8] == GRID.configs
    assert grown.groups[: len(GRID.groups)] == GRID.groups
    assert sorted(grown.sequence) == list(range(24))
    for group in grown.groups:
        shared = {tuple(grown.points[i][name] for name in grown.shared) for i in group}
        assert len(shared) == 1
    again = grown.extended({"w_a": (2.0,)})
    assert again.points[:24] == grown.points and len(again.points) == 36
    assert [len(stage.points) for stage in again.stages] == [8, 24, 36]


def test_what_is_there_is_not_added():
    assert GRID.extended({"lr": (0.001, 0.01), "epochs": (2,)}) is GRID
    assert GRID.extended({}) is GRID
    assert GRID.extended({"lr": (0.01, 0.1)}).axes["lr"] == (0.01, 0.001, 0.1)
    with pytest.raises(UserError, match="w_m . w_a must be positive"):
        GRID.extended({"w_m": (0.0,)})
    with pytest.raises(ValueError, match="batch_size must have the values"):
        Grid({"lr": (0.01,)}, BASE, before=GRID)


def test_a_random_order_grows_too():
    grid = Grid(AXES, BASE, "random")
    grown = grid.extended({"batch_size": (50, 60, 70), "lr": (0.1,)})
    assert grown.sequence[:8] == grid.sequence
    assert grown.sequence[8:] != sorted(grown.sequence[8:])
    assert sorted(grown.sequence) == list(range(len(grown.points)))


def test_a_search_stopped_extended_and_finished(digits, tmp_path, trained):
    folder = tmp_path / "grid"
    searches.run(folder, digits, GRID, max_trials=4)
    before = {p: p.read_bytes() for p in folder.glob("trial_*/*.json")}
    grown = GRID.extended({"lr": (0.1,), "label_smoothing": (0.1,)})
    _, rows = searches.run(folder, digits, grown)
    assert project.grid(project.read(folder)) == grown
    assert {row["status"] for row in rows} == {"COMPLETED"} and len(rows) == 24
    assert len(trained) == len(
        {(c.lr, c.batch_size, c.w_a, c.label_smoothing) for c in trained}
    )
    old = {p: p.read_bytes() for p in before if p.name == "trial.json"}
    assert old.items() <= before.items()
    # Each trial is that of its point.
    for row in rows:
        assert row["val_comparison_accuracy"] == pytest.approx(
            0.5 + row["lr"] + row["w_a"] / 10
        )
    _, alone = searches.run(tmp_path / "alone", digits, GRID)
    for row, other in zip(rows[:8], alone, strict=True):
        assert row.items() >= (other | {"seconds": row["seconds"]}).items()
        assert row["label_smoothing"] == 0
    # It goes on as what it is, and can be looked at.
    trained.clear()
    assert len(searches.run(folder, digits, grown)[1]) == 24 and not trained
    seen = looking.read(folder)
    assert len(seen.with_status("COMPLETED")) == 24
    scored = [(row, row["val_comparison_accuracy"]) for row in rows]
    assert importance.analyse(grown.axes, scored).forest_r2 is None


def test_the_smaller_grid_is_another_search_from_then_on(digits, tmp_path, trained):
    grown = GRID.extended({"lr": (0.1,)})
    searches.run(tmp_path / "grid", digits, grown)
    with pytest.raises(UserError, match="lr=0.01,0.001,0.1 there, 0.01,0.001 here.*extend"):
        searches.run(tmp_path / "grid", digits, GRID)
    with pytest.raises(UserError, match="extended in another way"):
        searches.run(tmp_path / "grid", digits, Grid(grown.axes, BASE))
    other = GRID.extended({"lr": (0.1,)})
    with pytest.raises(UserError, match="retries=1 there, 2 here"):
        searches.run(tmp_path / "grid", digits, other.extended({"lr": (0.2,)}), retries=2)


def test_a_worker_of_the_smaller_grid_is_refused(digits, tmp_path):
    record = describe(digits, GRID.extended({"lr": (0.1,)}))
    progress = SearchProgress(verbose=False)
    chief = make_tuner(record, None, tmp_path, progress)
    worker = make_tuner(describe(digits, GRID), None, tmp_path, progress)
    trials = [chief.oracle.create_trial("a/0")]
    agreement.check_search(trials[0], worker.grid, worker.settings)
    chief.oracle.ongoing_trials.clear()
    chief.oracle.wanted = [9]
    trial = chief.oracle.create_trial("a/0")
    with pytest.raises(UserError, match="more than the 8 points .*start this worker again"):
        agreement.check_search(trial, worker.grid, worker.settings)


def test_what_was_selected_among_fewer_points_goes_when_a_search_grows(
    digits, tmp_path, trained
):
    folder = tmp_path / "grid"
    searches.run(folder, digits, GRID)
    before = (folder / "selected.json").read_text()
    project.claim(folder, describe(digits, GRID))
    assert (folder / "selected.json").read_text() == before
    project.claim(folder, describe(digits, GRID.extended({"lr": (0.1,)})))
    assert not (folder / "selected.json").exists() and not (folder / "results.md").exists()
    evaluated = helpers.call("evaluate", f"--from_search={folder}")
    helpers.assert_one_line(evaluated, 1, "a search that has ended has it")


def parsed(*arguments):
    values = flags.define(search.FLAGS)
    values(["search", *arguments])
    return values


def test_flags_say_what_is_added(digits, tmp_path):
    record = describe(digits, GRID)
    project.claim(tmp_path, record)
    run_dir = f"--run_dir={tmp_path}"

    def chosen(*arguments):
        found = project.read(tmp_path)
        return choices.choose(parsed(run_dir, *arguments), found)["grid"]

    assert chosen("--extend") == GRID
    grown = chosen("--extend", "--lr=0.01,0.1", "--augmentation")
    assert grown == GRID.extended({"lr": (0.1,), "augmentation": (True,)})
    with pytest.raises(UserError, match="validation=validation there, test here"):
        chosen("--extend", "--validation=test")
    project.claim(tmp_path, describe(digits, grown))
    # Killed, and started again by the same command, by the folder, or by all values.
    assert chosen("--extend", "--lr=0.01,0.1", "--augmentation") == grown
    assert chosen() == grown
    assert chosen("--lr=0.01,0.001,0.1", "--augmentation=false,true") == grown
    provenance = files.read_json(tmp_path / project.RECORD)
    assert "versions" in provenance and len(provenance["extended"]) == 1


def test_extending_by_nothing_is_said(digits, tmp_path):
    grid = Grid(AXES, BASE, rounds=2)
    project.claim(tmp_path, describe(digits, grid))

    def planned(*arguments):
        flags_ = (f"--run_dir={tmp_path}", "--dry_run", *arguments)
        done = helpers.call("search", *flags_)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout

    for nothing in ((), ("--rounds=1",), ("--rounds=2", "--lr=0.001")):
        assert planned("--extend", *nothing).startswith(f"{plan.NOTHING_NEW}\n|")
    for something in (("--rounds=3",), ("--lr=0.1", "--rounds=1")):
        assert planned("--extend", *something).startswith("| nb_f")
    assert planned().startswith("| nb_f")


def test_what_cannot_be_extended_is_one_line(tmp_path):
    folder = f"--run_dir={tmp_path}/none"
    for words, code, message in (
        ((folder, "--extend"), 1, "--extend is for a search that exists"),
        (("--extend",), 2, "--extend is for a search that exists: give its --run_dir"),
        ((folder, "--extend", "--overwrite"), 2, "do not go together"),
    ):
        helpers.assert_one_line(helpers.call("search", *words), code, message)
    assert not list(tmp_path.iterdir())
