"""keras-tuner's private names: each is there, and only one file knows it.

And what imports what.
"""

import ast
import pathlib
import re

import keras_tuner
import pytest
from keras_tuner.src import protos
from keras_tuner.src.distribute import oracle_chief, oracle_client

from tests.helpers import ROOT

TUNER = sorted((ROOT / "tuner").glob("*.py"))
# Modules of `tuner` from the lowest up: one may import those of rows before its own.
ROWS = (
    {"code"},
    {"resources", "space", "pulse", "importance", "_keras_tuner"},
    {"places"},
    {"flags"},
    {
        "curves",
        "rows",
        "processes",
        "project",
        "plots",
        "hparams",
        "hypermodel",
        "trials",
        "plan",
    },
    {"choices", "pairs", "results", "looking", "progress", "oracle", "chief"},
    {"agreement", "heartbeat", "judging", "live", "reporting", "view"},
    {"population"},
    {"parts"},
    {"search", "status", "report"},
    {"__main__", "__init__"},
)


@pytest.fixture
def oracle(monkeypatch, tmp_path):
    # keras-tuner makes the folder.
    monkeypatch.chdir(tmp_path)
    found = keras_tuner.oracles.GridSearchOracle(
        objective=keras_tuner.Objective("loss", "min")
    )
    found._set_project_dir("folder", "name")
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_directory", "folder"),
        ("_project_name", "name"),
        ("_run_times", {}),
        ("max_retries_per_trial", 0),
        ("ongoing_trials", {}),
        ("start_order", []),
        ("end_order", []),
    ],
)
def test_an_oracle_has(oracle, name, value):
    assert getattr(oracle, name) == value


def test_an_oracle_has_get_oracle_fname(oracle):
    assert pathlib.Path(oracle._get_oracle_fname()) == pathlib.Path(
        "folder/name/oracle.json"
    )


def test_a_run_is_counted_from_0(oracle):
    assert oracle._run_times["0000"] == 0


def test_a_tuner_has_is_worker(monkeypatch):
    tuner = keras_tuner.Tuner.__new__(keras_tuner.Tuner)
    assert tuner._is_worker() is False
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")
    assert tuner._is_worker() is True
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    assert tuner._is_worker() is False


def test_protos_have_add_servicer():
    assert callable(protos.get_service_grpc().add_OracleServicer_to_server)


@pytest.mark.parametrize("name", ["CreateTrial", "UpdateTrial", "EndTrial"])
def test_a_servicer_answers(name):
    assert callable(getattr(oracle_chief.OracleServicer, name))


def test_a_servicer_has_stop_triggered():
    assert oracle_chief.OracleServicer(None).stop_triggered is False


def test_a_client_waits_for_timeout(monkeypatch):
    waited = []

    class Stub:
        def CreateTrial(self, request, wait_for_ready, timeout):
            waited.append(timeout)
            raise KeyboardInterrupt

    client = oracle_client.OracleClient.__new__(oracle_client.OracleClient)
    client.stub = Stub()
    monkeypatch.setattr(oracle_client, "TIMEOUT", 7)
    with pytest.raises(KeyboardInterrupt):
        client.create_trial("worker0/0")
    assert waited == [7]


def test_only_one_file_knows_private_names(oracle):
    tuner = keras_tuner.RandomSearch.__mro__[1]
    private = {
        name
        for name in {*dir(oracle), *dir(tuner), *dir(keras_tuner.Oracle)}
        if name.startswith("_") and not name.startswith("__")
    }
    assert {"_run_times", "_is_worker", "_directory"} <= private
    for path in TUNER:
        text = path.read_text()
        used = private & set(re.findall(r"\b_\w+", text))
        src = re.findall(r"keras_tuner\.src|oracle_client|oracle_chief|protos", text)
        if path.name == "_keras_tuner.py":
            assert used and src
        else:
            assert not used and not src, path


def imported(path):
    """Modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_keras_pairs_knows_nothing_of_the_tuner():
    for path in (ROOT / "keras_pairs").rglob("*.py"):
        assert not [n for n in imported(path) if re.match(r"(keras_)?tuner\b", n)], path


def test_imports_in_tuner_go_down():
    height = {name: i for i, row in enumerate(ROWS) for name in row}
    assert set(height) == {path.stem for path in TUNER}
    for path in TUNER:
        for name in imported(path):
            package, _, rest = name.partition(".")
            if package == "tuner" and rest and rest.partition(".")[0] in height:
                below = rest.partition(".")[0]
                assert height[below] < height[path.stem], f"{path.name} imports {below}"
            assert not name.startswith(("keras_pairs.train.", "keras_pairs.evaluate"))


def test_the_command_line_is_short():
    assert len((ROOT / "tuner" / "search.py").read_text().splitlines()) <= 60
    assert all(len(path.read_text().splitlines()) <= 300 for path in TUNER)
