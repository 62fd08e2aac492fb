"""Which version of a folder is served, and what the server says of the others."""

import gc
import logging
import shutil
import threading
import types
import weakref

import pytest

from keras_pairs import machine
from keras_pairs.errors import UserError
from keras_pairs.server import rest, watching
from keras_pairs.server.refusals import Refusal
from tests.helpers import BOX, BOX_NUMBER


class Loaded:
    def __init__(self, path, number):
        if (path / "saved_model.pb").read_text() == "broken":
            raise UserError(f"{path}: broken")
        self.number = number


def version(folder, number, content="good"):
    path = folder / str(number)
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_text(content)


@pytest.fixture
def folder(tmp_path):
    version(tmp_path / "digits", 1)
    return tmp_path / "digits"


@pytest.fixture
def watched(folder):
    watched = watching.Watched(folder, Loaded)
    watched.open()
    return watched


def states(watched, path="/v1/models/digits"):
    found = watched.status(rest.parse("GET", path))["model_version_status"]
    return {int(x["version"]): (x["state"], x["status"]["error_code"]) for x in found}


def asked(watched, path):
    return watched.version(rest.parse("POST", f"/v1/models/{path}:predict")).number


def test_the_newest_version_is_served_under_the_folders_name(folder):
    version(folder, 12)
    version(folder, 3)
    (folder / ".publishing-x").mkdir()
    watched = watching.Watched(folder, Loaded)
    watched.open()
    assert watched.name == "digits" and watched.current.number == 12
    assert states(watched) == {12: ("AVAILABLE", "OK")}
    assert asked(watched, "digits") == asked(watched, "digits/versions/12") == 12


@pytest.mark.parametrize("path", ["other", "digits/versions/2", "digits/versions/0"])
def test_another_model_or_version_is_not_found(watched, path):
    with pytest.raises(Refusal, match="Servable not found for request: ") as error:
        asked(watched, path)
    assert error.value.status == 404
    with pytest.raises(Refusal, match="Could not find") as error:
        states(watched, f"/v1/models/{path}")
    assert error.value.status == 404


def test_there_are_no_labels(watched):
    for call in (
        lambda: asked(watched, "digits/labels/stable"),
        lambda: states(watched, "/v1/models/digits/labels/stable"),
    ):
        with pytest.raises(Refusal, match="Unrecognized servable version label: stable"):
            call()


def test_a_new_version_takes_over_and_the_old_one_is_let_go(folder, watched):
    old = weakref.ref(watched.current)
    watched.poll()
    assert watched.current.number == 1
    version(folder, 2)
    watched.poll()
    assert watched.current.number == 2
    assert states(watched) == {2: ("AVAILABLE", "OK"), 1: ("END", "OK")}
    with pytest.raises(Refusal):
        asked(watched, "digits/versions/1")
    gc.collect()
    assert old() is None


def test_a_version_is_ready_before_it_takes_over(folder, watched):
    seen = []

    def load(path, number):
        seen.append((watched.current.number, states(watched)[number]))
        return Loaded(path, number)

    watched._load = load
    version(folder, 2)
    watched.poll()
    assert seen == [(1, ("LOADING", "OK"))]


def test_a_broken_version_is_reported_and_the_old_one_stays(folder, watched, caplog):
    version(folder, 2, "broken")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            watched.poll()
    assert watched.current.number == asked(watched, "digits") == 1
    assert states(watched) == {2: ("END", "UNKNOWN"), 1: ("AVAILABLE", "OK")}
    # Once, not at each look.
    (record,) = caplog.records
    assert "version 2 cannot be served" in record.message and "broken" in record.message
    # What was copied in place is tried again when it has changed.
    (folder / "2" / "saved_model.pb").write_text("whole now")
    watched.poll()
    assert watched.current.number == 2


@pytest.mark.parametrize("content", ["good", "broken"])
def test_a_version_with_a_link_that_leads_nowhere_is_looked_at_once(
    folder, watched, caplog, content
):
    """As of a copy of data that lies elsewhere."""
    version(folder, 2, content)
    (folder / "2" / "assets").symlink_to(folder / "nowhere")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            watched.poll()
    assert watched.current.number == (2 if content == "good" else 1)
    assert len(caplog.records) == (content == "broken")


def test_the_newest_that_can_be_loaded_is_served(folder, watched):
    version(folder, 2)
    version(folder, 3, "broken")
    watched.poll()
    assert watched.current.number == 2
    again = watching.Watched(folder, Loaded)
    again.open()
    assert again.current.number == 2 and states(again)[3] == ("END", "UNKNOWN")


def test_an_end_while_it_loads_is_no_fault_of_the_version(folder, monkeypatch, caplog):
    version(folder, 3, "broken")
    monkeypatch.setattr(machine, "asked_to_end", [KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        watching.Watched(folder, Loaded).open()
    assert not caplog.records


def test_taking_the_newest_away_goes_back(folder, watched):
    version(folder, 2)
    watched.poll()
    shutil.rmtree(folder / "2")
    watched.poll()
    assert watched.current.number == 1 and states(watched) == {
        1: ("AVAILABLE", "OK"),
        2: ("END", "OK"),
    }
    watched.poll()
    assert states(watched) == {1: ("AVAILABLE", "OK")}


def test_what_is_served_stays_when_the_folder_goes(folder, watched, caplog):
    shutil.rmtree(folder / "1")
    watched.poll()
    assert asked(watched, "digits") == 1
    shutil.rmtree(folder)
    for _ in range(3):
        watched.poll()
    assert asked(watched, "digits") == 1 and states(watched)[1] == ("AVAILABLE", "OK")
    assert len(caplog.records) == 1
    version(folder, 2)
    watched.poll()
    assert asked(watched, "digits") == 2


def test_an_old_version_that_is_removed_is_forgotten(folder, watched):
    version(folder, 2)
    watched.poll()
    shutil.rmtree(folder / "1")
    watched.poll()
    assert states(watched) == {2: ("AVAILABLE", "OK")}


def test_one_version_is_served_alone(folder, tmp_path):
    version(folder, 2)
    watched = watching.Watched(folder / "1", Loaded)
    watched.open()
    watched.poll()
    assert watched.name == "digits" and watched.current.number == 1
    version(tmp_path, "mine")
    watched = watching.Watched(tmp_path / "mine", Loaded)
    watched.open()
    assert watched.name == "mine" and watched.current.number == 1


def test_the_model_in_the_box_is_served_by_default():
    seen = []
    watched = watching.Watched(
        None, lambda *version: seen.append(version) or types.SimpleNamespace(number=1)
    )
    watched.open()
    assert watched.name == "digit_pairs" and seen == [(BOX, BOX_NUMBER)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "no such folder"),
        ("empty", "neither a SavedModel nor a folder of versions"),
        ("run", "a Keras model; python -m keras_pairs.export"),
    ],
)
def test_what_is_no_model_is_one_sentence(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.keras").touch()
    with pytest.raises(UserError, match=message):
        watching.Watched(tmp_path / name, Loaded)


def test_no_version_that_can_be_loaded_is_one_sentence(tmp_path):
    version(tmp_path / "bad", 1, "broken")
    watched = watching.Watched(tmp_path / "bad", Loaded)
    with pytest.raises(UserError, match="broken"):
        watched.open()


def test_versions_that_vanish_before_they_are_loaded(tmp_path):
    version(tmp_path / "gone", 1)
    watched = watching.Watched(tmp_path / "gone", Loaded)
    shutil.rmtree(tmp_path / "gone" / "1")
    with pytest.raises(UserError, match="gone: no version is left"):
        watched.open()


def test_watching_ends_when_told(folder, watched):
    stop = threading.Event()
    thread = threading.Thread(target=watched.watch, args=(stop, 0.01))
    thread.start()
    version(folder, 2)
    for _ in range(1000):
        if watched.current.number == 2:
            break
        stop.wait(0.01)
    stop.set()
    thread.join(10)
    assert not thread.is_alive() and watched.current.number == 2
