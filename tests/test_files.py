import concurrent.futures
import csv
import os
import signal
import subprocess
import sys

import pytest

import keras_pairs
from keras_pairs import files


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, [1])
    with pytest.raises(RuntimeError), files.atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert files.read_json(path) == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_killed_writer_leaves_whole_files(tmp_path):
    code = """
import sys
from keras_pairs.files import write_json
for i in range(10**9):
    write_json(sys.argv[1], [i] * 20000)
    if i == 3: print("go", flush=True)
"""
    path = tmp_path / "a.json"
    arguments = [sys.executable, "-c", code, path]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        for _ in range(20):
            assert len(set(files.read_json(path))) == 1
        writer.send_signal(signal.SIGKILL)
    assert len(files.read_json(path)) == 20000


def test_csv_has_a_header(tmp_path):
    files.write_csv(tmp_path / "a.csv", [{"x": 1, "y": "a,b"}, {"x": 2, "y": ""}])
    with open(tmp_path / "a.csv", newline="") as file:
        assert list(csv.DictReader(file)) == [{"x": "1", "y": "a,b"}, {"x": "2", "y": ""}]
    # Bytes of a path that are no text are written as text has them.
    files.write_csv(tmp_path / "a.csv", [{"x": "×\udcff"}])
    assert (tmp_path / "a.csv").read_bytes() == "x\r\n×\\udcff\r\n".encode()


def test_run_dirs_do_not_collide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = {files.make_run_dir(None, "train") for _ in range(3)}
    assert len(made) == 3 and all(path.is_dir() for path in made)
    assert files.make_run_dir(tmp_path / "x" / "y", "train").is_dir()


def test_a_link_to_nothing_holds_no_run_dirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        files.make_run_dir(None, "train")


def test_run_dirs_made_at_once_do_not_collide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: files.make_run_dir(None, "train"), range(64)))
    assert len(set(made)) == 64


def test_provenance_names_versions():
    origin = files.provenance()
    assert {"python", "keras", "tensorflow", "numpy"} <= set(origin["versions"])
    assert origin["versions"]["keras_pairs"] == keras_pairs.__version__
    assert origin["commit"] is None or len(origin["commit"].removesuffix("-dirty")) == 40


def test_text_of_any_path_is_written(tmp_path):
    name = os.fsdecode(b"grid\xff")
    files.write_text(tmp_path / "report.md", f"see {name}")
    assert (tmp_path / "report.md").read_text() == "see grid\\udcff"


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a": ' * 200_000, "", "{"])
def test_json_of_any_form_is_a_value_error(tmp_path, text):
    (tmp_path / "any.json").write_text(text)
    with pytest.raises(ValueError):
        files.read_json(tmp_path / "any.json")
