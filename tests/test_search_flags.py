"""What the flags of `python -m tuner.search` may not be, and its plan."""

import pytest

from tests import helpers
from tests.search_processes import SMALL

BAD = [
    ("--nb_f=8,,16", "nb_f"),
    ("--nb_f=8,8", "twice"),
    ("--lr=0.1,0", "finite"),
    ("--lr=nan", "finite"),
    ("--trunk=paper,round", "one of paper, padded"),
    ("--weight_sharing=true,maybe", "true or false"),
    ("--dataset=mnist,digits", "one of auto, mnist, digits, idx, folder, npz"),
    ("--preset=paper,best", "one of paper, shared, best"),
    ("--batch_size=0", "at least 1"),
    ("--w_a=-1", "at least 0"),
    ("--workers=0", "workers"),
    ("--max_trials=0", "max_trials"),
    ("--validation=train", "validation"),
    ("--retries=-1", "retries"),
    ("--keep_models=0", "keep_models"),
    ("--data_path=/no/such.npz", "an existing file"),
    ("stray", "stray"),
]


@pytest.mark.parametrize(("argument", "message"), BAD)
def test_bad_flags_get_one_line(argument, message, tmp_path):
    done = helpers.call("search", argument, f"--run_dir={tmp_path}/grid")
    helpers.assert_one_line(done, 2, message)
    assert not list(tmp_path.iterdir())


CHIEF = {
    "KERASTUNER_TUNER_ID": "chief",
    "KERASTUNER_ORACLE_IP": "127.0.0.1",
    "KERASTUNER_ORACLE_PORT": "8000",
}


@pytest.mark.parametrize("missing", CHIEF)
@pytest.mark.parametrize("value", [None, ""])
def test_half_of_keras_tuners_variables(missing, value, monkeypatch, tmp_path):
    for name, known in (CHIEF | {missing: value}).items():
        monkeypatch.delenv(name, raising=False)
        if known is not None:
            monkeypatch.setenv(name, known)
    done = helpers.call("search", *SMALL, f"--run_dir={tmp_path}/grid")
    helpers.assert_one_line(done, 1, f"{missing} is not set: chief and workers need")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("port", ["", "http", "0", "65536", "-1", "\u0663"])
def test_a_port_that_is_none(port, monkeypatch, tmp_path):
    for name, value in (CHIEF | {"KERASTUNER_ORACLE_PORT": port}).items():
        monkeypatch.setenv(name, value)
    done = helpers.call("search", *SMALL, f"--run_dir={tmp_path}/grid")
    helpers.assert_one_line(done, 1, "KERASTUNER_ORACLE_PORT")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--halving", "--rounds=2"), "--halving does not go with --rounds"),
        (("--halving", "--teachers=2"), "--halving does not go with teachers"),
        (("--extend", "--overwrite"), "--extend and --overwrite do not go together"),
        (("--dataset=npz",), "--dataset=npz needs --data_path"),
    ],
)
def test_flags_that_do_not_go_together(flags, message, tmp_path):
    done = helpers.call("search", *flags, cwd=tmp_path)
    helpers.assert_one_line(done, 2, message)
    assert not list(tmp_path.iterdir())


def test_what_only_shows_later_gets_one_line(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    for flags, message in (
        (("--w_m=0",), "w_m + w_a must be positive"),
        ((f"--run_dir={tmp_path}/other", "--overwrite"), "something else than a search"),
    ):
        helpers.assert_one_line(helpers.call("search", *SMALL, *flags), 1, message)
    assert (tmp_path / "other" / "thesis.txt").exists()


def test_dry_run_plans_and_writes_nothing(tmp_path):
    flags = (*SMALL, "--dry_run", f"--run_dir={tmp_path}/grid")
    done = helpers.call("search", *flags)
    assert (
        done.returncode == 0 and "12 trials of 2 epochs, under a minute with" in done.stdout
    )
    assert not list(tmp_path.iterdir())
    done = helpers.call("search", "--dry_run", "--max_trials=70", "--nb_f=8")
    assert "70 trials of 150 epochs" in done.stdout
