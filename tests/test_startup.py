"""What a command sets before it imports TensorFlow, and what it refuses."""

import os
import sys

import pytest

from keras_pairs import evaluate, export, machine, predict, startup, train
from keras_pairs.commands import runner
from keras_pairs.errors import UserError
from keras_pairs.networks import grouped
from tests import helpers
from tuner import search


def unset(monkeypatch, name):
    """Takes a variable away; what the code sets for it ends with the test as well."""
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)


def test_who_gains_by_onednn_turns_it_on_unless_the_user_chose(monkeypatch):
    unset(monkeypatch, machine.ONEDNN)
    startup.import_tensorflow()
    assert machine.ONEDNN not in os.environ
    startup.import_tensorflow(onednn=True)
    assert os.environ[machine.ONEDNN] == "1" and not machine.onednn_refused()
    monkeypatch.setenv(machine.ONEDNN, "0")
    startup.import_tensorflow(onednn=True)
    assert os.environ[machine.ONEDNN] == "0" and machine.onednn_refused()


@pytest.mark.parametrize(("chosen", "told"), [(None, 1), ("1", 1), ("0", 0), ("False", 0)])
def test_the_slower_path_is_told_once_but_not_to_who_chose_it(
    chosen, told, monkeypatch, caplog, request
):
    def no_kernel():
        raise ValueError("no gradient")

    for asked in (grouped.convolutions_work, grouped.have_kernels):
        request.addfinalizer(asked.cache_clear)
        asked.cache_clear()
    monkeypatch.setattr(grouped, "_try", no_kernel)
    unset(monkeypatch, machine.ONEDNN)
    if chosen:
        monkeypatch.setenv(machine.ONEDNN, chosen)
    assert not any(grouped.convolutions_work() for _ in range(3))
    assert len(caplog.messages) == told
    for message in caplog.messages:
        assert "set TF_ENABLE_ONEDNN_OPTS=1 before TensorFlow is imported" in message


@pytest.mark.parametrize(
    ("preset", "networks"), [("best", 1), ("committee", 4), ("distilled", 4)]
)
def test_train_wants_onednn_where_several_networks_train(
    preset, networks, monkeypatch, tmp_path
):
    asked = []

    def import_tensorflow(work, onednn):
        asked.append((work, onednn))
        raise UserError("seen")

    monkeypatch.setattr(startup, "import_tensorflow", import_tensorflow)
    monkeypatch.chdir(tmp_path)
    done = helpers.call("train", f"--preset={preset}", "--dataset=digits")
    helpers.assert_one_line(done, 1, "seen")
    assert asked == [(24 * 50 * networks, networks > 1)]


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "a.png", "b.png"],
        ["score", "--dataset=digits"],
        ["keras_pairs.ink", "--dataset=digits"],
        ["serve", "--port=0"],
    ],
    ids=lambda command: command[0],
)
def test_whoever_reads_pictures_wants_onednn(command, monkeypatch, tmp_path):
    asked = []

    def import_tensorflow(onednn=False, **others):
        asked.append(onednn)
        raise UserError("seen")

    monkeypatch.setattr(startup, "import_tensorflow", import_tensorflow)
    monkeypatch.chdir(tmp_path)
    helpers.assert_one_line(helpers.call(*command), 1, "seen")
    assert asked == [True]


@pytest.mark.parametrize("command", [train, evaluate, export, search])
@pytest.mark.parametrize("backend", ["jax", "nonsense"])
def test_a_wrong_backend_is_one_line(command, backend, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr(sys, "argv", ["command"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        command.run()
    told = capsys.readouterr()
    assert end.value.code == 1 and told.out == "" and not list(tmp_path.iterdir())
    assert told.err == (
        f"error: the environment has KERAS_BACKEND={backend}; this command needs "
        "tensorflow\n"
    )


def test_who_needs_no_keras_takes_any_backend(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(SystemExit) as end:
        runner.run(lambda values: print("done"), "", {}, ["x"], keras=False)
    assert end.value.code == 0 and capsys.readouterr().out == "done\n"
    assert os.environ["KERAS_BACKEND"] == "jax"
    monkeypatch.setattr(sys, "argv", ["predict", "--request", "no.png", "no.png"])
    with pytest.raises(SystemExit):
        predict.run()
    assert "KERAS_BACKEND" not in capsys.readouterr().err


@pytest.mark.parametrize("given", [None, "", "tensorflow"])
def test_without_a_choice_the_backend_is_tensorflow(given, monkeypatch):
    unset(monkeypatch, "KERAS_BACKEND")
    if given is not None:
        monkeypatch.setenv("KERAS_BACKEND", given)
    startup.quiet()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
