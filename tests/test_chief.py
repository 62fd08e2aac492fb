"""The chief over its network, in this process: what ends a search reaches everybody."""

import errno
import threading
import time

import grpc
import pytest
from keras_tuner.src.distribute import oracle_client

from keras_pairs.errors import UserError
from tuner import chief, oracle, population, processes
from tuner.space import Grid

GRID = Grid({"nb_f": (8,), "lr": (0.01,), "batch_size": (10,), "w_a": (0.0, 1.0)})


@pytest.fixture
def served(tmp_path, monkeypatch):
    """(oracle, client of its chief, function that gives what `serve` ended with)."""
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(processes.free_port()))
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")
    monkeypatch.setattr(oracle_client, "TIMEOUT", 30)
    grid_oracle = oracle.GridOracle(GRID, {"search": "abc"})
    grid_oracle.place(tmp_path / "project")
    ended, over = [], threading.Event()

    def between():
        if over.is_set():
            raise OSError("the test is over")

    def serve():
        try:
            ended.append(chief.serve(grid_oracle, between))
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def result():
        thread.join(20)
        return ended[0]

    yield grid_oracle, oracle_client.OracleClient(grid_oracle), result
    # A server that is left would answer while Python ends.
    over.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_chief_that_cannot_write_ends_and_says_why(served, tmp_path):
    # There is no folder `project`.
    _, client, result = served
    with pytest.raises(grpc.RpcError) as raised:
        client.create_trial("worker0/0")
    error = result()
    assert isinstance(error, OSError) and error.errno == errno.ENOENT
    assert raised.value.code() is chief.STOPS
    folder = tmp_path / "project" / "trial_0000"
    assert raised.value.details() == f"the chief stops: {folder}: {error.strerror}"
    assert not folder.parent.exists()


def test_two_chiefs_do_not_share_an_address(served, tmp_path):
    """gRPC would let them; workers would reach either of them."""
    _, client, _ = served
    (tmp_path / "project").mkdir()
    # Once it answers it has the address.
    client.create_trial("worker0/0")
    other = oracle.GridOracle(GRID, {"search": "def"})
    other.place(tmp_path / "other")

    def between():
        raise OSError("both serve")

    with pytest.raises(UserError, match=f"^cannot serve at {processes.address()}$"):
        chief.serve(other, between)


def test_a_worker_that_cannot_go_on_ends_the_chief(served, tmp_path, monkeypatch):
    grid_oracle, client, result = served
    (tmp_path / "project").mkdir()
    trial = client.create_trial("worker0/0")
    trial.status = "STOPPED"
    trial.hyperparameters.values[oracle.MESSAGE] = "disk full"
    with pytest.raises(grpc.RpcError) as raised:
        client.end_trial(trial)
    assert isinstance(result(), UserError) and str(result()) == "disk full"
    assert grid_oracle.count_ended() == 0
    # On another machine a worker says it; under a supervisor the chief has.
    told = population._chief_lost(raised.value)
    assert isinstance(told, UserError) and str(told) == "the chief stops: disk full"
    monkeypatch.setenv(processes.SUPERVISED, "1")
    assert isinstance(population._chief_lost(raised.value), SystemExit)


def test_workers_hear_what_ended_the_chief_between_their_calls(
    served, tmp_path, monkeypatch
):
    grid_oracle, client, _ = served
    (tmp_path / "project").mkdir()
    trials = [client.create_trial(f"worker{k}/0") for k in range(2)]
    full, ended = threading.Event(), []

    def between():
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")

    def serve():
        try:
            chief.serve(grid_oracle, between)
        except OSError as error:
            ended.append(error)

    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(processes.free_port()))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    other = oracle_client.OracleClient(grid_oracle)
    other.update_trial(trials[0].trial_id, {oracle.HEARTBEAT: 1.0})
    full.set()
    time.sleep(1)
    for _ in trials:
        with pytest.raises(grpc.RpcError) as raised:
            other.update_trial(trials[1].trial_id, {oracle.HEARTBEAT: 1.0})
        assert raised.value.code() is chief.STOPS
        assert raised.value.details() == "the chief stops: No space left on device"
    thread.join(20)
    assert ended[0].errno == errno.ENOSPC


def test_another_error_costs_its_call_only(served, tmp_path):
    _, client, result = served
    (tmp_path / "project").mkdir()
    with pytest.raises(grpc.RpcError) as raised:
        client.get_trial("no such trial")
    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    with pytest.raises(grpc.RpcError) as raised:
        client.update_trial("9999", {oracle.HEARTBEAT: 1.0})
    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    for k in range(2):
        trial = client.create_trial(f"worker0/{k}")
        trial.status = "FAILED"
        client.end_trial(trial)
    assert client.create_trial("worker0/0").status == "STOPPED"
    assert result() is None


class Process:
    """A process that ends with `code` when it is polled for the `after`-th time."""

    def __init__(self, code, after=0):
        self.code, self.after, self.returncode = code, after, None

    def poll(self):
        self.after -= 1
        if self.after < 0:
            self.returncode = self.code
        return self.returncode

    def wait(self, timeout=None):
        self.returncode = self.code


def test_the_supervisor_adds_no_line_to_the_chiefs(capsys, monkeypatch):
    monkeypatch.setattr(processes, "POLL_S", 0)
    for chief_after in (0, 3):
        with pytest.raises(SystemExit) as raised:
            processes._wait({"chief": Process(1, chief_after), "worker0": Process(1)})
        assert raised.value.code == 1
    assert capsys.readouterr().err == ""
    with pytest.raises(UserError, match=r"the chief ended \(signal 9\)"):
        processes._wait({"chief": Process(-9, 3), "worker0": Process(-9)})
    assert capsys.readouterr().err == "worker0 ended (signal 9)\n"
