"""What the documentation shows in Python does what it says."""

import ast
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image

import keras_pairs
from docs import rooms
from tests.helpers import ROOT

PLAIN = ROOT / "docs" / "examples" / "plain_keras.py"
DRAWINGS = ROOT / "docs" / "drawings"
# Whatever it is that needs TensorFlow, none of these may.
LIGHT = ("TrainingConfig", "load_images", "sample_pairs", "build_model", "loss_weights")


def python(*arguments, backend, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        **options,
    )


@pytest.mark.parametrize(
    "backend",
    [
        "tensorflow",
        pytest.param("torch", marks=pytest.mark.slow),
        pytest.param("jax", marks=pytest.mark.slow),
    ],
)
def test_the_network_trains_in_plain_keras(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = python(PLAIN, 3, backend=backend, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Epoch 3/3" in done.stdout
    match = re.search(rf"^{backend}: (\d+\.\d)% of test pairs$", done.stdout, re.M)
    assert float(match[1]) > 50, done.stdout
    assert not list(tmp_path.iterdir())


def test_the_example_in_plain_keras_is_short():
    lines = PLAIN.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 92


@pytest.mark.parametrize("name", LIGHT)
def test_it_is_to_be_had_without_tensorflow(name):
    """No module that it imports, and none that these import, imports TensorFlow.

    Functions may: they are for those who call them.
    """
    known = rooms.modules()
    todo, seen = [f"keras_pairs.{keras_pairs._HOMES[name]}"], set()
    while todo:
        module = todo.pop()
        if module in seen or module not in known:
            continue
        seen.add(module)
        needs = rooms.imports(known[module], known, top_only=True)
        assert not [n for n in needs if n.split(".")[0] == "tensorflow"], module
        todo += needs
    assert len(seen) > 1


def examples(thing):
    """The blocks of code in a docstring, as one text: what is indented above `Args:`."""
    text = re.split(
        r"^(?:Args|Attributes|Returns|Raises):$", inspect.getdoc(thing), flags=re.M
    )
    lines = text[0].splitlines()
    return "\n".join(line[4:] for line in lines if line.startswith("    "))


def run_example(code, names):
    """Runs a block of code; what a comment says of a line's value has to be true."""
    for statement in ast.parse(code).body:
        line = code.splitlines()[statement.end_lineno - 1]
        source = ast.get_source_segment(code, statement)
        if not isinstance(statement, ast.Expr):
            exec(source, names)
            continue
        value = eval(source, names)
        comment = line.partition("    # ")[2]
        try:
            expected = ast.literal_eval(comment)
        except (SyntaxError, ValueError):
            continue
        assert value == expected, line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the examples run: with drawings, and in the end with runs."""
    folder = tmp_path_factory.mktemp("examples")
    for path in DRAWINGS.iterdir():
        shutil.copy(path, folder)
        Image.open(path).save(folder / f"{path.stem}.png")
    return folder


def test_every_public_name_has_an_example():
    assert not [n for n in keras_pairs.__all__ if not examples(getattr(keras_pairs, n))]
    assert "keras_pairs.load()" in examples(keras_pairs)


@pytest.mark.parametrize("name", [*keras_pairs.__all__, "keras_pairs"])
def test_examples_run(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    # The images of an example that asks for what can be had.
    monkeypatch.setenv("KERAS_HOME", str(folder))
    monkeypatch.setattr(
        "keras_pairs.data.mnist._download", lambda: pytest.fail("asked the network")
    )
    names = {}
    exec("from keras_pairs import *", names)
    thing = keras_pairs if name == "keras_pairs" else names[name]
    code = examples(thing)
    if name == "load_run":
        named = re.search(r'"(runs/.*)"', code)[1]
        config = names["TrainingConfig"].from_preset(
            nb_f=8, epochs=1, num_pairs=60, dataset="digits"
        )
        names["train_run"](config, run_dir=named)
    run_example(code, names)


def test_the_example_of_show_runs(folder, monkeypatch):
    from keras_pairs.serving import showing

    monkeypatch.chdir(folder)
    run_example(examples(showing.show), {"keras_pairs": keras_pairs, "show": showing.show})
    with Image.open("why.png") as picture:
        assert picture.format == "PNG"


def test_a_wrong_comment_is_found():
    run_example("a = 1\na + 1    # 2\na + 1    # two", {})
    with pytest.raises(AssertionError, match="# 3"):
        run_example("a = 1\na + 1    # 3", {})
