"""The machine and the system that a process finds itself on."""

import os
import subprocess
import sys

import psutil
import pytest

from keras_pairs import locks, machine
from keras_pairs.errors import UserError
from tests.helpers import ROOT
from tuner import flags, search


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A function that writes files below a root, on a machine of 8 cores and 64 GiB."""
    for name in ("process_cpu_count", "cpu_count"):
        monkeypatch.setattr(os, name, lambda: 8, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    total = type("Memory", (), {"total": 64 * 2**30})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: total)

    def write(contents):
        for name, text in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return write


def test_without_cgroups_all_is_the_machines(files):
    root = files({})
    assert machine.cores(root) == 8 and machine.memory(root) == 64 * 2**30


def test_without_limits_all_is_the_machines(files):
    root = files(
        {
            "proc/self/cgroup": "4:memory:/\n3:cpu,cpuacct:/\n0::/a",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/a/memory.max": "max",
            "sys/fs/cgroup/a/cpu.max": "max 100000",
        }
    )
    assert machine.cores(root) == 8 and machine.memory(root) == 64 * 2**30


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000", 2), ("200000", 2), ("5000", 1), ("1600000", 8)]
)
def test_limits_of_cgroups_2_hold_from_above(files, quota, cores):
    root = files(
        {
            "proc/self/cgroup": "0::/slice/service/leaf",
            "sys/fs/cgroup/slice/memory.max": "2000000000",
            "sys/fs/cgroup/slice/service/memory.max": "3000000000",
            "sys/fs/cgroup/slice/service/leaf/memory.max": "max",
            "sys/fs/cgroup/slice/cpu.max": f"{quota} 100000",
            "sys/fs/cgroup/slice/service/cpu.max": "max 100000",
            # Beside the process's groups, and above where they are mounted.
            "sys/fs/cgroup/other/memory.max": "1",
            "sys/fs/memory.max": "1",
        }
    )
    assert machine.cores(root) == cores and machine.memory(root) == 2_000_000_000


def test_limits_of_cgroups_1(files):
    root = files(
        {
            "proc/self/cgroup": "9:name=systemd:/x\n4:memory:/m/n\n1:cpu,cpuacct:/c\n0::/",
            "sys/fs/cgroup/memory/m/memory.limit_in_bytes": "1000000000",
            "sys/fs/cgroup/memory/m/n/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/cpu/c/cpu.cfs_quota_us": "250000",
            "sys/fs/cgroup/cpu/c/cpu.cfs_period_us": "100000",
        }
    )
    assert machine.cores(root) == 3 and machine.memory(root) == 1_000_000_000


def test_a_containers_group_is_what_is_mounted(files):
    root = files(
        {
            "proc/self/cgroup": "4:memory:/docker/0123\n0::/docker/0123",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "500000000",
            "sys/fs/cgroup/cpu.max": "100000 100000",
        }
    )
    assert machine.cores(root) == 1 and machine.memory(root) == 500_000_000


def test_a_search_has_a_worker_for_each_core_of_this_machine():
    assert 1 <= machine.cores() <= os.cpu_count()
    assert flags.FLAGS["workers"].default == machine.cores()
    assert 2**20 < machine.memory() <= psutil.virtual_memory().total


def test_windows_is_told_that_it_cannot_search(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "argv", ["search", f"--run_dir={tmp_path}/grid"])
    with pytest.raises(SystemExit) as end:
        search.run()
    assert end.value.code == 1 and not list(tmp_path.iterdir())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and "Windows" in line


def test_a_lock_is_held_once(tmp_path):
    with locks.only_one(tmp_path, "search"):
        with pytest.raises(UserError, match="another search is running in"):
            with locks.only_one(tmp_path, "search"):
                pass
    with locks.only_one(tmp_path, "search"):
        pass


HOLDER = """
import sys, time
from keras_pairs import locks
with locks.hold(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_ends_with_its_process(tmp_path):
    command = [sys.executable, "-c", HOLDER, tmp_path / "lock"]
    holder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    try:
        with pytest.raises(locks.filelock.Timeout):
            with locks.hold(tmp_path / "lock", wait=False):
                pass
    finally:
        holder.kill()
        holder.communicate()
    with locks.hold(tmp_path / "lock", wait=False):
        pass


def test_a_file_system_without_locks_is_one_line(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError, match="has no file locks"):
        with locks.only_one(tmp_path, "search"):
            pass


# As on Windows, but for what TensorFlow itself imports.
WITHOUT_POSIX = """
import importlib, pkgutil, sys
# It has a part for each system, and this one's needs them.
import psutil
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for package in map(importlib.import_module, ("keras_pairs", "tuner")):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
from keras_pairs.commands import runner
from keras_pairs import locks
def main(values):
    with locks.only_one(__import__("pathlib").Path(sys.argv[1]), "search"):
        pass
runner.run(main, "", {}, ["x"])
"""


def test_no_module_needs_a_posix_system(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_POSIX, tmp_path],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"error: {tmp_path}/lock: this system or its file system has no file locks"
    )
    assert "Traceback" not in done.stderr


def test_the_processor_says_its_name_and_its_widest_vectors(files, tmp_path):
    told = (
        "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 {}\n\nprocessor\t: 1\n"
    )
    root = files({"proc/cpuinfo": told.format("avx512f")})
    assert machine.processor(root) == "Some CPU, AVX-512"
    root = files({"proc/cpuinfo": told.format("avx")})
    assert machine.processor(root) == "Some CPU, AVX2"
    root = files({"proc/cpuinfo": "Features : fp asimd\n"})
    assert machine.processor(root) == "" == machine.processor(tmp_path / "nothing")
    assert machine.vectors(root) == "" == machine.vectors(tmp_path / "nothing")
