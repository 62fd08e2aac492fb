"""Every file of a published version and of a run, damaged in every way, and who reads it.

Either the answer is as before, or there is one sentence that says where the damage is. The
JSON files of searches and evaluations have laws of their own: `tests/test_laws_damage.py`.
"""

import os
import random
import shutil

import pytest

from keras_pairs.errors import UserError
from keras_pairs.server import watching
from tests.helpers import BOX, ROOT, call

pytestmark = pytest.mark.slow
PICTURES = [ROOT / "docs" / "drawings" / name for name in ("three.png", "seven.jpg")]
VERSION = sorted(str(p.relative_to(BOX)) for p in BOX.rglob("*") if p.is_file())
RUN = ["metrics.json", "model.keras"]


def truncated(path, other):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path, other):
    path.write_bytes(b"")


def removed(path, other):
    path.unlink()


def noise(path, other):
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def anothers(path, other):
    if not other.exists():
        pytest.skip("the other has no such file")
    shutil.copy(other, path)


DAMAGES = [truncated, empty, removed, noise, anothers]


def cases(names):
    """(file, damage): by turns two damages of each file, or with the variable every one."""
    every = os.environ.get("KERAS_PAIRS_FAULTS") == "all"
    return [
        pytest.param(name, damage, id=f"{name}-{damage.__name__}")
        for i, name in enumerate(names)
        for damage in (DAMAGES if every else (DAMAGES[2 * i % 5], DAMAGES[(2 * i + 1) % 5]))
    ]


@pytest.fixture
def version(tmp_path):
    """A copy of the model in the box, as version 1 of a folder."""
    return shutil.copytree(BOX, tmp_path / "models" / "1")


def assert_one_sentence(done, where):
    assert done.returncode == 1, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and str(where) in line, line


@pytest.fixture(scope="module")
def answer():
    """What `predict` says of an undamaged copy, without the model's name."""
    return call("predict", *PICTURES, f"--model={BOX}").stdout.partition("[")[0]


@pytest.mark.parametrize(("name", "damage"), cases(VERSION))
def test_a_version(version, published, answer, tmp_path, name, damage):
    damage(version / name, published / name)
    network = name.startswith(("saved_model", "variables"))
    done = call("predict", *PICTURES, f"--model={version.parent}")
    if done.returncode:
        assert_one_sentence(done, version)
        assert network
    elif not (network and damage is anothers):
        assert done.stdout.partition("[")[0] == answer and done.stderr == ""

    # Whoever serves it says the same of it.
    served = watching.Watched(version.parent, _load)
    try:
        served.open()
        assert done.returncode == 0 and served.current.number == 1
    except UserError as error:
        # A server, as others', takes no version that fails in its warm-up.
        assert done.returncode == 1 or name.startswith("assets.extra")
        assert str(version) in str(error) and "{{" not in str(error)

    output = tmp_path / "a.keras"
    flags = (f"--model={version.parent}", "--format=keras", f"--output={output}")
    done = call("export", *flags)
    assert output.exists() == (done.returncode == 0)
    if done.returncode:
        assert_one_sentence(done, version.parent if damage is not anothers else "a.keras")
    else:
        assert name not in ("model.keras", "saved_model.pb")


def _load(path, number):
    from keras_pairs.server.loaded import Loaded

    return Loaded(path, number)


@pytest.mark.parametrize(("name", "damage"), cases(RUN))
def test_a_run(inputs, published, tmp_path, name, damage):
    inputs.put(["old"], tmp_path)
    other = published / ("model_card.json" if name == "metrics.json" else name)
    damage(tmp_path / "old" / name, other)
    done = call("export", "--model=old", "--export_dir=saved", cwd=tmp_path)
    versions = [*tmp_path.glob("saved/[0-9]*")]
    if done.returncode:
        assert_one_sentence(done, "old")
        assert not versions
    else:
        # Without a record it says so; another network is a network.
        assert (name, damage) in [(RUN[0], removed), (RUN[1], anothers), (RUN[0], anothers)]
        assert len(versions) == 1
    assert not [*tmp_path.glob("saved/.publishing-*")]
