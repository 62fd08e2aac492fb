"""What a newcomer meets first: the lists of commands, flag files, the model in the box."""

import configparser
import importlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import keras_pairs
from keras_pairs.errors import UserError
from keras_pairs.serving import box, comparer, publishing
from keras_pairs.training import run

ROOT = pathlib.Path(__file__).parent.parent
COMMANDS = {
    "keras_pairs": ("train", "evaluate", "score", "export", "predict", "serve", "ink"),
    "tuner": ("search", "status", "report"),
}
MODULES = [f"{package}.{name}" for package, names in COMMANDS.items() for name in names]


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """A function of a command line's words, run in `tmp_path`: (exit code, out, err)."""
    monkeypatch.chdir(tmp_path)

    def called(module, *words):
        monkeypatch.setattr(sys, "argv", [module, *map(str, words)])
        package, _, name = module.partition(".")
        with pytest.raises(SystemExit) as end:
            importlib.import_module(f"{package}.{name or '__main__'}").run()
        return end.value.code, *capsys.readouterr()

    return called


@pytest.mark.parametrize("package", COMMANDS)
@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_a_package_lists_its_commands(call, package, words):
    code, out, err = call(package, *words)
    assert code == 0 and err == ""
    listed = [line.split()[0] for line in out.partition("Commands")[2].splitlines()[1:]]
    assert tuple(listed) == COMMANDS[package]
    for name in listed:
        doc = importlib.import_module(f"{package}.{name}").__doc__
        assert doc.splitlines()[0] in out


def test_a_command_is_the_first_word(call):
    code, out, err = call("tuner", "search", "--nb_f=8", "--max_trials=3", "--dry_run")
    assert code == 0 and err == "" and "3 trials" in out
    # What a search hands on to its workers.
    assert sys.argv == ["tuner", "--nb_f=8", "--max_trials=3", "--dry_run"]
    code, _, err = call("keras_pairs", "train", "--nb_f=0")
    assert code == 2 and err.startswith("error: flag --nb_f=0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("keras_pairs", "trian"), "no command trian; did you mean train?"),
        (("keras_pairs", "xyz"), "no command xyz; there are: train, evaluate, score, exp"),
        (("keras_pairs", "--nb_f=8"), "no command --nb_f=8"),
        (("keras_pairs", "__main__"), "no command __main__"),
        (("keras_pairs", ""), "no command"),
        (("tuner", "serach"), "did you mean search?"),
    ],
)
def test_an_unknown_command_is_one_line(call, words, message):
    code, out, err = call(*words)
    assert code == 2 and out == "" and len(err.splitlines()) == 1
    assert err.startswith("error: ") and message in err


@pytest.mark.parametrize("module", [*COMMANDS, *MODULES])
def test_every_door_tells_the_version(call, module):
    assert call(module, "--version") == (0, f"keras_pairs {keras_pairs.__version__}\n", "")


@pytest.mark.parametrize("module", MODULES)
def test_every_help_tells_of_flag_files(call, module):
    code, out, err = call(module, "--help")
    assert code == 0 and err == "" and "--flagfile=<file>" in out


def test_help_tells_the_range_of_a_flag(call):
    out = call("keras_pairs.train", "--help")[1]
    assert "\n  --label_smoothing=<number, at least 0 and less than 1>\n" in out
    assert "\n  --nb_f=<integer, at least 1>\n" in out
    assert "\n  --trunk=<paper|padded>\n" in out
    assert (
        "\n  --rounds=<integer, at least 2>\n" in call("keras_pairs.evaluate", "--help")[1]
    )


@pytest.mark.parametrize("package", COMMANDS)
def test_the_list_needs_no_tensorflow(package):
    code = (
        "import sys, runpy, keras_pairs\n"
        "sys.argv = ['x']\n"
        f"try: runpy.run_module('{package}', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as end:\n"
        "    print(end.code, {'tensorflow', 'keras'} & set(sys.modules))\n"
    )
    arguments = [sys.executable, "-c", code]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 set()", done.stderr
    assert done.stderr == ""


def test_a_reader_that_is_gone_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "keras_pairs"]
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 1 and done.stderr == b""


def test_console_scripts_exist():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    scripts = config["options.entry_points"]["console_scripts"].split("\n")
    targets = dict(line.split(" = ") for line in scripts if line)
    assert targets["keras-pairs"] == "keras_pairs.__main__:run"
    for package in ("keras_pairs", "tuner"):
        for command in importlib.import_module(f"{package}.__main__").COMMANDS:
            assert targets[f"keras-pairs-{command}"] == f"{package}.{command}:run"
    for target in targets.values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_flags_come_from_a_file(call, tmp_path):
    (tmp_path / "inner.txt").write_text("--max_trials=3\n")
    (tmp_path / "flags.txt").write_text(
        "# A comment, and an empty line.\n\n--dry_run\n--nb_f=8\n--flagfile=inner.txt\n"
    )
    code, out, err = call("tuner.search", "--flagfile=flags.txt")
    assert code == 0 and err == "" and "3 trials" in out
    _, out, _ = call("tuner.search", "--flagfile", "flags.txt", "--max_trials=4")
    assert "4 trials" in out
    _, out, _ = call("tuner.search", "--max_trials=4", "--flagfile=flags.txt")
    assert "3 trials" in out
    _, _, err = call("keras_pairs.predict", "a.png", "b.png", "--flagfile=flags.txt")
    assert err.startswith("error: Unknown command line flag 'dry_run'")


BAD = [
    ("--flagfile=none.txt", "none.txt"),
    ("--flagfile=.", "directory"),
    ("--flagfile=binary", "--flagfile: not a text file"),
    ("--flagfile=zeros", "--flagfile: not a text file"),
    ("--flagfile=nested", "--flagfile: not a text file"),
    ("--flagfile=prose", "unexpected argument: it was a dark night"),
    ("--flagfile", "no argument"),
    ("--nooverwrite=3", "does not take an argument"),
    ("--dry_run=maybe", "--dry_run=maybe: must be true or false"),
    ("--worker=3", "Did you mean: workers"),
    ("--workers", "Missing value for flag --workers"),
    ("--workers=two", "--workers=two"),
    ("--nb_f=8,8", "none twice"),
    ("--run_dir=", "must be a folder"),
    ("--validation=train", "validation"),
    ("-x", "'x'"),
]


@pytest.mark.parametrize(("word", "message"), BAD)
def test_a_bad_flag_is_one_line(call, tmp_path, word, message):
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "zeros").write_bytes(b"--workers=1\n\0\0\0")
    (tmp_path / "nested").write_text("--flagfile=binary\n")
    (tmp_path / "prose").write_text("it was a dark night\n")
    code, out, err = call("tuner.search", word)
    assert code == 2 and out == "" and len(err.splitlines()) == 1, err
    assert err.startswith("error: ") and "ERROR" not in err and message in err


def test_the_box_is_found_from_any_folder(tmp_path, monkeypatch):
    """And is not what the current folder has under the same name."""
    shutil.copytree(box.path(), tmp_path / "saved_models" / "digit_pairs" / "9")
    monkeypatch.chdir(tmp_path)
    assert (box.path() / "saved_model.pb").is_file()
    assert tmp_path not in box.path().parents
    model = keras_pairs.load()
    assert model.path == box.path() and model.in_box and model.data == "mnist"
    assert str(model) == "the model in the box: digit_pairs/2, trained on mnist"
    assert comparer.load(str(box.path())).in_box
    other = keras_pairs.load("saved_models/digit_pairs")
    assert str(other) == "saved_models/digit_pairs/9, trained on mnist"


def test_a_box_that_is_gone_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(box, "VERSION", "digit_pairs/none")
    with pytest.raises(UserError, match="the model in the box is gone"):
        comparer.load()


def test_the_public_interface_is_lazy():
    assert "load" in dir(keras_pairs) and keras_pairs.load is comparer.load
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        keras_pairs.lode  # noqa: B018


@pytest.mark.parametrize(
    ("data", "preset", "folder"),
    [
        ("digits", "paper", "digits-paper"),
        ("kuzushiji-49", "best", "kuzushiji-49-best"),
        ("my digits (2)", "best", "my_digits_2-best"),
        ("../../etc", "paper", "etc-paper"),
        (".hidden", "paper", "hidden-paper"),
        ("数字", "shared", "数字-shared"),
        ("???", "paper", "data-paper"),
        ("digit_pairs", "paper", "digit_pairs-paper"),
        ("x" * 300, "paper", "x" * 60 + "-paper"),
    ],
)
def test_models_are_published_under_the_name_of_data_and_preset(data, preset, folder):
    assert box.export_folder(data, preset) == pathlib.Path("saved_models") / folder


def test_train_says_how_to_ask_its_model(call, monkeypatch):
    asked = []

    def no_training(config, images, *, export_dir, preset, run_dir, **rest):
        asked.append((export_dir, preset))
        found = {"comparison": 0.5}
        metrics = {"test_accuracy": found, "test_accuracy_of_all": found | {"pairs": 1}}
        return run.Run(run_dir, pathlib.Path(export_dir) / "1", metrics)

    monkeypatch.setattr(run, "train_run", no_training)
    flags = ("--dataset=digits", "--run_dir=run")
    code, out, err = call("keras_pairs.train", *flags, "--preset=shared")
    assert (
        code == 0
        and err == ""
        and asked == [(pathlib.Path("saved_models/digits-shared"), "shared")]
    )
    ask = "python -m keras_pairs.predict --model=saved_models/digits-shared a.png b.png"
    assert out.splitlines()[-1] == f"ask it:        {ask}"
    _, out, _ = call("keras_pairs.train", *flags, "--export_dir=my models")
    assert out.splitlines()[-1].endswith("predict '--model=my models' a.png b.png")


@pytest.mark.parametrize(
    ("origin", "folder"),
    [
        ({"preset": "best", "dataset": {"name": "digits"}}, "digits-best"),
        ({"dataset": {"name": "digits"}, "config": {}}, "digits-custom"),
        (None, "run-custom"),
    ],
)
def test_export_publishes_where_train_does(call, monkeypatch, tmp_path, origin, folder):
    asked = []
    monkeypatch.setattr(run, "load_run", lambda path: (None, origin))
    monkeypatch.setattr(publishing, "publish", lambda *a: asked.append(a[1]) or tmp_path)
    (tmp_path / "run").mkdir()
    code, _, err = call("keras_pairs.export", "--model=run")
    assert code == 0 and err == ""
    assert asked == [pathlib.Path("saved_models") / folder]


def test_type_checkers_are_told_of_the_same_names():
    stub = (ROOT / "keras_pairs" / "__init__.pyi").read_text()
    told = re.findall(r"^from keras_pairs\.(\S+) import (\w+) as \2$", stub, re.M)
    assert {name: home for home, name in told} == keras_pairs._HOMES
