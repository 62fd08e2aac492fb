"""What all command lines do alike; each of them as a process, bad flags in this one."""

import pytest
from PIL import Image

from tests.helpers import COMMANDS, assert_one_line, call, command


def packages(errors):
    """(top-level packages that a process imported, its own lines on stderr)."""
    lines = errors.splitlines()
    own = [line for line in lines if not line.startswith("import time:")]
    names = (line.split("|")[-1].strip() for line in lines if line not in own)
    return {name.partition(".")[0] for name in names}, own


AT_ONCE = [
    *((name, ("--help",), 0) for name in COMMANDS),
    *((name, ("--no_such_flag",), 2) for name in COMMANDS),
    ("predict", ("a.png", "a.png", "--request"), 0),
    ("search", ("--dry_run", "--dataset=digits"), 0),
]


@pytest.mark.parametrize(("name", "arguments", "code"), AT_ONCE)
def test_what_answers_at_once_imports_no_tensorflow(name, arguments, code, tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    told = {"PYTHONPROFILEIMPORTTIME": "1"}
    done = command(name, *arguments, cwd=tmp_path, environment=told, timeout=60)
    imported, errors = packages(done.stderr)
    assert done.returncode == code, errors
    assert "absl" in imported and not imported & {"tensorflow", "keras", "keras_tuner"}
    if code:
        (line,) = errors
        assert line.startswith("error: ") and "no_such_flag" in line
    else:
        assert errors == [] and done.stdout
    if "--help" in arguments:
        own = ("--verbosity", "--model", "--run_dir")
        assert any(f"\n  {flag}" in done.stdout for flag in own)


BAD = [
    ("train", "--nb_f=0", 2, "nb_f"),
    ("train", "--nb_f=many", 2, "nb_f"),
    ("train", "--lr=0", 2, "lr"),
    ("train", "--lr=nan", 2, "lr"),
    ("train", "--w_a=-1", 2, "w_a"),
    ("train", "--epochs=0", 2, "epochs"),
    ("train", "--seed=-1", 2, "seed"),
    ("train", "--dataset=cifar", 2, "dataset"),
    ("train", "--data_path=/no/such.npz", 2, "must be an existing file"),
    ("train", f"--run_dir={__file__}", 2, "folder"),
    ("train", f"--export_dir={__file__}/x", 2, "folder"),
    ("train", "--nofilters=3", 2, "nofilters"),
    ("train", "stray", 2, "stray"),
    ("train", f"--data_path={__file__}", 1, "npz|pickled"),
    ("train", "--preset=worst", 2, "preset"),
    ("train", "--trunk=elephants", 2, "trunk"),
    ("train", "--label_smoothing=1", 2, "label_smoothing"),
    ("train", "--weight_averaging", 2, "--weight_averaging is gone"),
    ("score", "--model=/no/such", 2, "must be an existing file or folder"),
    ("score", "--epochs=3", 2, "epochs"),
    ("evaluate", "--model=x", 2, "python -m keras_pairs.score --model"),
    ("evaluate", "--rounds=1", 2, "rounds"),
    ("evaluate", "--memory_limit=0", 2, "memory_limit"),
    ("evaluate", "--export_dir=x", 2, "export_dir"),
]


@pytest.mark.parametrize(("name", "argument", "code", "message"), BAD)
def test_bad_arguments_get_one_line(name, argument, code, message, tmp_path):
    assert_one_line(call(name, argument, cwd=tmp_path), code, *message.split("|"))
    assert not list(tmp_path.iterdir())


LATER = [
    (("train", "--w_m=0", "--w_a=0"), 2, "w_m + w_a must be positive"),
    (("evaluate", "--w_m=0", "--w_a=0"), 2, "w_m + w_a must be positive"),
    (("evaluate", "--table1", "--w_m=0"), 2, "w_m + w_a must be positive"),
    (("evaluate", f"--seed={2**53 - 1}", "--rounds=2"), 2, "seed is too large to count"),
    (("train", "--preset=committee", f"--seed={2**53 - 9}"), 2, "seed is too large to c"),
    (("evaluate", "--table1", "--nb_f=8"), 2, "--nb_f does not go with --table1"),
    (("evaluate", "--table1", "--preset=best"), 2, "--preset does not go with --table1"),
    (("evaluate", "--table1", "--from_search=."), 2, "--from_search does not go with --t"),
    (("evaluate", "--from_search=.", "--w_m=0"), 1, "selected.json: no such file"),
    (("train", "--dataset=digits", f"--data_path={__file__}"), 2, "--data_path goes with"),
    (("score", "--dataset=npz"), 2, "--dataset=npz needs --data_path"),
    (("train", "--dataset=digits", "--run_dir=/proc/nowhere"), 1, "/proc/nowhere"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), LATER)
def test_what_only_shows_later_gets_one_line(arguments, code, message, tmp_path):
    assert_one_line(call(*arguments, cwd=tmp_path), code, message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["score", "keras_pairs.ink"])
def test_a_folder_of_another_command_is_left_as_it_is(name, tmp_path):
    for file in ("config.json", "results.json", "results.csv"):
        (tmp_path / file).write_text("{}")
    done = command(name, "--dataset=digits", f"--run_dir={tmp_path}")
    assert_one_line(done, 1, f"{tmp_path} holds something else than a")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("config.json", "results.json", "results.csv"), "{}"
    )


def test_what_is_no_model_is_refused_before_a_folder_is_made(tmp_path):
    (tmp_path / "run").mkdir()
    done = call("score", "--model=run", "--dataset=digits", cwd=tmp_path)
    assert_one_line(done, 1, "run: neither a SavedModel nor a folder of versions")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
