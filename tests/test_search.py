"""`python -m tuner.search` as processes, some of them killed."""

import json
import random
import re
import shutil
import subprocess
import time

import pytest

from tests import helpers
from tests.search_processes import (
    GRID,
    LONG,
    SMALL,
    command,
    kill,
    modified,
    parts,
    results,
    running,
    start,
    status,
    wait_for,
)
from tuner.processes import free_port


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "grid"
    temporary = tmp_path_factory.mktemp("temporary")
    call = (*SMALL, f"--run_dir={folder}", "--workers=1")
    code, output, errors = command(*call, TMPDIR=str(temporary))
    assert code == 0 and errors == ""
    # Nor do workers leave TensorFlow's own files there when they start anew.
    assert not list(temporary.iterdir())
    assert "12/12 trials  0 failed  best" in output
    return folder


def test_a_search_is_a_chief_and_its_workers(tmp_path):
    few = ("--nb_f=4", "--lr=0.01", "--batch_size=30", "--w_a=0,1", *SMALL[len(GRID) :])
    folder = tmp_path / "grid"
    code, output, errors = command(*few, f"--run_dir={folder}", "--workers=1")
    assert code == 0 and errors == ""
    assert "2/2 trials  0 failed  best" in output
    assert {row["status"] for row in results(folder)} == {"COMPLETED"}
    assert not parts(folder)


@pytest.mark.slow
def test_what_a_search_leaves(undisturbed):
    names = {path.name for path in undisturbed.iterdir() if path.is_file()}
    assert names == {
        "lock",
        "oracle.json",
        "progress.json",
        "search.json",
        "selected.json",
    } | {f"results.{kind}" for kind in ("csv", "md", "png")}
    rows = results(undisturbed)
    assert [int(row["trial"]) for row in rows] == list(range(12))
    assert {row["status"] for row in rows} == {"COMPLETED"}
    assert {row["seed"] for row in rows} == {"0"}
    assert len(list(undisturbed.glob("trial_*/model.keras"))) == 3


@pytest.mark.slow
def test_killed_again_and_again_nothing_is_lost_or_repeated(undisturbed, tmp_path):
    folder = tmp_path / "grid"
    arguments = (*SMALL, f"--run_dir={folder}", "--workers=2")
    chance, seen = random.Random(0), {}

    def ended():
        trials = folder.glob("trial_*/trial.json")
        return modified(path for path in trials if '"COMPLETED"' in path.read_text())

    def start_and_kill(before):
        process = start(*arguments)
        wait_for(lambda: running(folder) or len(ended()) > before, process)
        time.sleep(chance.uniform(0, 8))
        for pid in (process.pid, *parts(folder).values()):
            kill(pid)
        process.communicate()

    for _ in range(3):
        start_and_kill(len(seen))
        assert ended().items() >= seen.items()
        seen = ended()
        if len(seen) == 12:
            break
    code, _, errors = command(*arguments)
    assert code == 0, errors
    assert ended().items() >= seen.items() and len(ended()) == 12
    assert results(folder) == results(undisturbed)


@pytest.mark.slow
def test_killed_while_it_is_extended_it_equals_an_undisturbed_one(tmp_path):
    """With rounds and in a random order; looked at while it runs and when it is dead."""
    first = ("--nb_f=4", "--lr=0.01", "--batch_size=20,30", "--w_a=0,1", "--rounds=2")
    first += ("--order=random", *SMALL[len(GRID) :], "--workers=2")
    more = ("--extend", "--lr=0.001", "--workers=2")
    calm, harried = tmp_path / "calm", tmp_path / "harried"

    for folder in (calm, harried):
        assert command(*first, f"--run_dir={folder}")[0] == 0
    told = status(harried)
    assert "search:      finished" in told and "done:        8 of 8" in told
    assert command(*more, f"--run_dir={calm}")[0] == 0
    before = modified(harried.glob("trial_*/trial.json"))
    process = start(*more, f"--run_dir={harried}")
    # The files of a worker's four trials are written one after another.
    told = "search:      running on.*\ndone: +8 of 16.*\nrunning: +(4|8)\n"
    wait_for(lambda: re.match(told, status(harried)), process)
    assert running(harried)
    for pid in (process.pid, *parts(harried).values()):
        kill(pid)
    process.communicate()
    assert "not running" in status(harried) and "best so far" in status(harried)
    code, output, errors = command(*more, f"--run_dir={harried}")
    assert code == 0 and "16/16 trials  0 failed  best" in output, errors
    assert modified(harried.glob("trial_*/trial.json")).items() >= before.items()
    assert results(harried) == results(calm) and len(results(calm)) == 16
    for folder in (calm, harried):
        # The seconds are the last column before the deviation.
        lines = (folder / "points.csv").read_text().splitlines()
        assert len(lines) == 9 and lines[0].endswith(",seconds,rounds,std")
    assert not list(harried.rglob(".tmp-*"))


@pytest.mark.slow
def test_a_killed_workers_trials_are_taken_up(tmp_path):
    folder = tmp_path / "grid"
    process = start(*LONG, f"--run_dir={folder}", "--workers=2")
    wait_for(lambda: len(running(folder)) == 8, process)
    kill(parts(folder)["worker0"])
    before = modified(running(folder))
    # The survivor is busy with its own four until they have ended.
    wait_for(lambda: len(running(folder)) == 4, process)
    wait_for(lambda: not modified(running(folder)).items() & before.items(), process, 60)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert errors.splitlines() == ["worker0 ended (signal 9)"]
    assert "8/8 trials  0 failed" in output
    assert len(results(folder)) == 8 and not parts(folder)


@pytest.mark.slow
def test_without_a_chief_workers_end_and_the_search_can_go_on(undisturbed, tmp_path):
    folder = tmp_path / "grid"
    flags = (*SMALL, f"--run_dir={folder}", "--workers=2")
    long = [flag.replace("--epochs=2", "--epochs=100000") for flag in flags]
    process = start(*long)
    wait_for(lambda: running(folder), process)
    kill(parts(folder)["chief"])
    begun = time.monotonic()
    _, errors = process.communicate(timeout=90)
    assert time.monotonic() - begun < 60 and process.returncode == 1
    lines = errors.splitlines()
    assert "error: the chief ended (signal 9)" in lines[-1]
    assert any("the chief at 127.0.0.1" in line and "not answer" in line for line in lines)
    assert "Traceback" not in errors and not parts(folder)
    code, _, errors = command(*flags)
    assert code == 1 and "another search: epochs=100000 there, 2 here" in errors
    assert len(errors.splitlines()) == 1
    code, _, errors = command(*flags, "--overwrite")
    assert code == 0, errors
    assert results(folder) == results(undisturbed)


@pytest.mark.slow
def test_over_several_machines(undisturbed, tmp_path):
    """As the README's example: one process per machine, here all on loopback."""
    folder = tmp_path / "grid"
    address = {
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(free_port()),
    }
    flags = (*SMALL, f"--run_dir={folder}")
    refused = command(*flags, "--overwrite", KERASTUNER_TUNER_ID="worker9", **address)
    assert refused[0] == 2 and "never deletes" in refused[2]
    names = ("chief", "worker0", "worker1")
    processes = [start(*flags, KERASTUNER_TUNER_ID=name, **address) for name in names]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert results(folder) == results(undisturbed)


@pytest.mark.slow
def test_two_searches_do_not_share_a_folder(tmp_path):
    folder = tmp_path / "grid"
    process = start(*SMALL, f"--run_dir={folder}", "--workers=1")
    wait_for(lambda: running(folder), process)
    code, _, errors = command(*SMALL, f"--run_dir={folder}", "--workers=1")
    assert code == 1 and errors == f"error: another search is running in {folder}\n"
    kill(process.pid)
    process.communicate()


@pytest.mark.slow
def test_damaged_files_cost_their_trial(undisturbed, tmp_path):
    folder = tmp_path / "grid"
    flags = (*SMALL, f"--run_dir={folder}", "--workers=1")
    shutil.copytree(undisturbed, folder)
    (folder / "search.json").write_text("{")
    (folder / "oracle.json").write_text("")
    (folder / "trial_0005" / "trial.json").unlink()
    before = (folder / "trial_0004" / "trial.json").stat().st_mtime_ns
    code, output, errors = command(*flags)
    assert code == 0 and "12/12 trials" in output, errors
    assert (folder / "trial_0004" / "trial.json").stat().st_mtime_ns == before
    assert results(folder) == results(undisturbed)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_ends_the_search_and_with_room_it_goes_on(small_disk):
    folder = small_disk / "grid"
    code, _, errors = command(*SMALL, f"--run_dir={folder}", "--workers=2")
    assert code == 1 and len(errors.splitlines()) == 1, errors
    assert errors.startswith(f"error: {folder}/") and "No space left" in errors
    assert not parts(folder) and not list(folder.rglob(".tmp-*"))
    assert not [p for p in folder.glob("*/trial.json") if '"FAILED"' in p.read_text()]
    subprocess.run(["mount", "-o", "remount,size=32m", small_disk], check=True)
    code, output, errors = command(f"--run_dir={folder}", "--workers=2")
    assert code == 0 and "12/12 trials  0 failed" in output, errors
    assert {row["status"] for row in results(folder)} == {"COMPLETED"}
    from tuner.population import load

    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert len(load(folder).get_best_models(3)) == 3
    code, _, errors = command(f"--run_dir={folder}")
    assert code == 1 and "Read-only file system" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.slow
def test_winners_are_evaluated(undisturbed, tmp_path):
    flags = ("--dataset=digits", "--rounds=2", "--verbosity=0")
    done = helpers.command(
        *("evaluate", f"--from_search={undisturbed}", *flags, f"--run_dir={tmp_path}/out")
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    chosen = json.loads((undisturbed / "selected.json").read_text())["configs"]
    for row, config, wanted in zip(found["rows"], found["configs"], chosen, strict=True):
        assert config == wanted and wanted.items() >= row_point(row).items()
        assert row["rounds"] == 2 and config["epochs"] == 2 and config["num_pairs"] == 60


def row_point(row):
    return {name: row[name] for name in ("nb_f", "batch_size", "lr", "w_a")}


@pytest.mark.slow
def test_any_field_and_any_preset_over_workers_and_on_to_an_evaluation(tmp_path):
    """Strings, bools and floats over the network; members with pairs of their own."""
    folder = tmp_path / "search"
    flags = ("--preset=best", "--nb_f=2", "--trunk=padded,paper", "--seed=0,1")
    flags += ("--weight_sharing=true,false", "--lr=0.01", "--batch_size=30", "--epochs=2")
    flags += ("--dataset=digits", "--num_pairs=60", f"--run_dir={folder}", "--workers=2")
    code, output, errors = command(*flags)
    assert code == 0 and "8/8 trials  0 failed  best" in output, errors
    rows = results(folder)
    assert {row["status"] for row in rows} == {"COMPLETED"}
    points = [(row["weight_sharing"], row["trunk"], row["seed"]) for row in rows]
    assert points[:3] == [("True", "padded", "0"), ("True", "padded", "1")] + [
        ("True", "paper", "0")
    ]
    (chosen,) = json.loads((folder / "selected.json").read_text())["configs"]
    assert chosen["label_smoothing"] == 0.05 and chosen["derived_comparison"] is True
    # With its command, or its folder alone, it is the same search; with another preset not.
    for again in (flags, (f"--run_dir={folder}",)):
        code, output, errors = command(*again)
        assert code == 0 and "8/8 trials" in output, errors
    code, _, errors = command("--preset=paper", f"--run_dir={folder}")
    assert code == 1 and "another search: preset=best there, paper here" in errors
    evaluate = ("evaluate", f"--from_search={folder}", "--dataset=digits", "--rounds=2")
    done = helpers.command(*evaluate, "--verbosity=0", f"--run_dir={tmp_path}/out")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["configs"] == [chosen]
