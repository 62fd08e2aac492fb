"""Training, searching and scoring on a folder of pictures, and stopping its preparation."""

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from keras_pairs import files
from tests import drawings, helpers

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keras' folder, in which prepared pictures are kept."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


LOAD = "import sys; from keras_pairs import load_images; load_images('folder', sys.argv[1])"


@pytest.mark.skipif(os.name != "posix", reason="kills with signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_who_asked(digits, tmp_path, home, how):
    folder = drawings.write(tmp_path / "drawings", digits, 5)
    # So many that it is not done before.
    for number in range(2000):
        os.link(folder / "3" / "0.png", folder / "3" / f"more{number}.png")
    parent = subprocess.Popen(
        [sys.executable, "-c", LOAD, folder],
        cwd=helpers.ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    process, children = psutil.Process(parent.pid), []
    deadline = time.monotonic() + 120
    while not children:
        assert parent.poll() is None and time.monotonic() < deadline
        children = process.children()
        time.sleep(0.05)
    # It is at work, and no longer starting.
    while children[0].cpu_times().user < 2:
        assert parent.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    parent.send_signal(how)
    parent.communicate()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    assert not list(home.rglob(f"{files.TEMPORARY}*"))


def test_a_folder_of_pictures_is_trained_on(digits, tmp_path, home):
    """The command as a user gives it; then its search, whose workers prepare nothing."""
    folder = drawings.write(tmp_path / "my drawings", digits, 50)
    (folder / "3" / "notes.txt").write_text("no picture")
    told = rf"WARNING: {folder}: (\d+) of 501 files cannot be used:\n"
    flags = ("--nb_f=8", "--lr=0.01", "--batch_size=50", "--epochs=12", "--seed=1")
    flags += (f"--data_path={folder}", "--weight_sharing=true", "--num_pairs=1000")
    done = helpers.command("train", *flags, cwd=tmp_path)
    refused = re.match(told, done.stderr)
    # Of the embedded digits, 8×8 pixels enlarged, not all are found.
    assert done.returncode == 0 and 1 <= int(refused[1]) < 50, done.stderr
    assert "501/501 pictures prepared" in done.stdout.splitlines()
    assert "saved_models/my_drawings-paper" in done.stdout
    (metrics,) = tmp_path.glob("runs/*/metrics.json")
    found = files.read_json(metrics)
    dataset = found["dataset"]
    assert dataset["name"] == "my drawings" and 360 < dataset["train_images"] <= 400
    # It has learned to compare and to read.
    assert found["test_accuracy"]["comparison"] > 0.65
    assert found["test_accuracy"]["first_digit"] > 0.5
    # Who prepares anything again is refused it: the pictures are gone, names and times not.
    for path in folder.rglob("*.*"):
        times = path.stat()
        path.write_bytes(bytes(times.st_size))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    (cache,) = home.rglob("*.npz")
    before = cache.read_bytes()
    flags = ("--nb_f=2", "--lr=0.01,0.005", "--batch_size=50", "--w_a=1", "--epochs=1")
    flags += ("--num_pairs=60", "--workers=2", f"--run_dir={tmp_path}/grid")
    done = helpers.command("search", *flags, f"--data_path={folder}", cwd=tmp_path)
    assert done.returncode == 0 and re.match(told, done.stderr), done.stderr
    # Once, and not by each worker.
    assert done.stderr.count("cannot be used") == 1
    assert "2/2 trials  0 failed" in done.stdout and "prepared" not in done.stdout
    done = helpers.command("search", f"--run_dir={tmp_path}/grid", cwd=tmp_path)
    assert done.returncode == 0 and "2/2 trials" in done.stdout, done.stderr
    model = f"--model={tmp_path}/saved_models/my_drawings-paper"
    done = helpers.command("score", model, f"--data_path={folder}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\b[45]\d test pairs", done.stdout)
    assert cache.read_bytes() == before
