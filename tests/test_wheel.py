"""What is installed, and what the repository keeps: packages and the model in the box."""

import importlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from keras_pairs.serving import box
from tests.helpers import ROOT

PACKAGES = ("keras_pairs", "tuner")


def test_a_wheel_has_the_box_and_nothing_else_that_was_published(tmp_path):
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("needs setuptools")
    project, installed = tmp_path / "project", tmp_path / "installed"
    project.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, project)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, project / name)
    source = ROOT / "saved_models" / box.VERSION
    for version in (box.VERSION, "digit_pairs/99", "digits-paper/1"):
        shutil.copytree(source, project / "saved_models" / version)
    build = "from setuptools import setup; setup()"
    subprocess.run(
        [sys.executable, "-c", build, "-q", "build_py", f"--build-lib={installed}"],
        cwd=project,
        check=True,
        capture_output=True,
    )

    def files_below(folder):
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}

    packed = files_below(installed / "keras_pairs" / "saved_models")
    assert packed == {f"{box.VERSION}/{name}" for name in files_below(source)}
    assert {path.name for path in installed.iterdir()} == set(PACKAGES)
    for name in PACKAGES:
        modules = {path for path in files_below(ROOT / name) if path.endswith(".py")}
        assert modules <= files_below(installed / name)
    page = files_below(ROOT / "keras_pairs" / "server" / "page")
    assert "index.html" in page
    assert page == files_below(installed / "keras_pairs" / "server" / "page")
    found = subprocess.run(
        [sys.executable, "-c", "from keras_pairs.serving import box; print(box.path())"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    path = pathlib.Path(found.stdout.strip())
    assert path == installed / "keras_pairs" / "saved_models" / box.VERSION


def test_the_repository_keeps_the_box_only():
    assert f"!saved_models/{box.VERSION}\n" in (ROOT / ".gitignore").read_text()
