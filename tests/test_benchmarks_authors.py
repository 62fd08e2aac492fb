"""What is read from the logs that the paper's authors published."""

import zipfile

import numpy as np
import pytest

from benchmarks import authors
from docs import kinds
from keras_pairs import files, paper
from tests import helpers


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Logs of their form: three rounds of two epochs, and a grid that Table I tops."""
    path = tmp_path_factory.mktemp("logs") / "logs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for row in paper.TABLE1:
            # The second epoch is the better one of the second round alone.
            lines = ["lr,test_acc,epoch,run_number"]
            for number, (first, last) in enumerate([(90, 80), (70.2, 80.4), (85, 60)], 1):
                # A float32's digits, as theirs.
                lines += [f"0,{last + 1e-6},1,{number}", f"0,{first + 1e-6},0,{number}"]
            archive.writestr(authors.ROUNDS.format(**row.point()), "\n".join(lines))
        for nb_f in paper.GRID["nb_f"]:
            tops = [row.point() for row in paper.TABLE1 if row.nb_f == nb_f]
            for w_a in paper.GRID["w_a"]:
                lines = ["lr,batch_size,max test acc"]
                for batch_size, lr, weight in authors.POINTS:
                    point = {
                        "nb_f": nb_f,
                        "lr": lr,
                        "batch_size": batch_size,
                        "w_a": weight,
                    }
                    if weight == w_a:
                        lines.append(f"{lr},{batch_size},{70 + 5 * (point in tops)}")
                name = authors.SEARCHED.format(nb_f=nb_f, w_a=w_a)
                archive.writestr(name, "\n".join(lines))
    return path


def test_the_rule_takes_one_epoch_for_all_rounds():
    curves = np.array([[90.0, 70.0, 85.0], [91.0, 79.0, 60.0], [80.0, 80.0, 60.0]])
    found = authors.rule(curves)
    assert found == {"last_epoch": [80, 80, 60], "epoch": 1, "at_epoch": [90, 70, 85]}
    # With n - 1 by the last epoch, with n by the rule, as Table I has it.
    assert authors.shown(found) == ("73.33 ± 11.55", "81.67 ± 8.50")


def test_the_logs_give_rounds_and_grid(logs, tmp_path):
    done = helpers.call("benchmarks.authors", f"--logs={logs}", f"--run_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert kinds.KINDS["authors"](tmp_path / "results.json") in done.stdout
    found = files.read_json(tmp_path / "results.json")
    assert len(found["rows"]) == 8 and found["versions"]
    for row, theirs in zip(found["rows"], paper.TABLE1, strict=True):
        assert {name: row[name] for name in paper.GRID} == theirs.point()
        assert row["last_epoch"] == [80, 80.4, 60] and row["at_epoch"] == [90, 70.2, 85]
        assert (row["epoch"], row["in_grid"], row["rank_in_grid"]) == (1, 75, 1)
    # In the order of a search's results.csv.
    sixteen = found["grids"]["16"]
    assert len(sixteen) == 325 and sixteen.count(75) == 2
    row = paper.row_of(16, True)
    assert sixteen[authors.POINTS.index((row.batch_size, row.lr, row.w_a))] == 75


@pytest.mark.parametrize("content", [b"", b"no zip", "another"])
def test_what_are_not_their_logs_is_told(content, tmp_path):
    path = tmp_path / "logs.zip"
    if content == "another":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "b")
    else:
        path.write_bytes(content)
    done = helpers.call("benchmarks.authors", f"--logs={path}", f"--run_dir={tmp_path}/run")
    helpers.assert_one_line(done, 1, "not the authors' logs")
    assert not (tmp_path / "run").exists()


def test_the_logs_must_be_given():
    helpers.assert_one_line(helpers.call("benchmarks.authors"), 2, "--logs is missing")


def test_table_1_is_in_the_committed_figures():
    """To its last digit, in every row: what this page says of the paper rests on it."""
    found = files.read_json(helpers.ROOT / "docs/studies/departures/authors.json")
    for row, theirs in zip(found["rows"], paper.TABLE1, strict=True):
        assert authors.shown(row)[1] == f"{theirs.mean:.2f} ± {theirs.std:.2f}"
        assert row["rank_in_grid"] == 1


def test_the_papers_deviation_is_that_of_the_rounds_themselves():
    found = files.read_json(helpers.ROOT / "docs/studies/departures/authors.json")
    for row, theirs in zip(found["rows"], paper.TABLE1, strict=True):
        assert theirs.sample_std() == pytest.approx(
            np.std(row["at_epoch"], ddof=1), abs=0.01
        )
