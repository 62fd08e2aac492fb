"""What of this machine a process may use, and the choice of TensorFlow's CPU kernels.

Importable without TensorFlow.
"""

import contextlib
import math
import os
import pathlib
import sys
import tempfile
import threading

# TensorFlow reads it when it is imported. By itself it turns oneDNN on only where the
# processor has AVX-512 (VNNI) or better.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# What signals have raised in this process, see `commands.endings`.
asked_to_end = []
# There is one file descriptor 2 for all threads.
_one_thread = threading.RLock()
# Descriptors of the standard error that `noise_held_back` has put aside.
_aside = []


def prefer_onednn():
    """Turns oneDNN on for this process and its children, unless the user has chosen.

    Only oneDNN has the grouped convolutions of a population, and the network that finds
    the digit in a picture is faster with it. A lone narrow network trains faster without
    it where it is not TensorFlow's default. Without effect on a process that has imported
    TensorFlow before.
    """
    os.environ.setdefault(ONEDNN, "1")


def onednn_refused():
    """Whether the user has turned oneDNN off."""
    return os.environ.get(ONEDNN, "").lower() in ("0", "false")


def end_if_asked():
    """Raises again what a signal's handler has raised and a library has lost.

    Raises:
      BaseException: as `commands.endings.raised` says.
    """
    for error in asked_to_end:
        raise error


@contextlib.contextmanager
def noise_held_back():
    """Drops what is written to file descriptor 2 in the block, unless the block fails.

    TensorFlow's C++ side writes there, whatever Python does with `sys.stderr`. Being
    interrupted is no failure, whatever a library makes of it.
    """
    with _one_thread:
        yield from _held_back()


def _held_back():
    sys.stderr.flush()
    before = os.dup(2)
    _aside.append(before)
    try:
        with tempfile.TemporaryFile() as noise:
            os.dup2(noise.fileno(), 2)
            try:
                yield
            except Exception:
                if not asked_to_end:
                    noise.seek(0)
                    os.write(before, noise.read())
                raise
    finally:
        os.dup2(before, 2)
        _aside.remove(before)
        os.close(before)


def hold_nothing_back():
    """Ends `noise_held_back` early, for what is said in the middle of it."""
    if _aside:
        os.dup2(_aside[0], 2)


def out_of_memory(error):
    """Whether an exception says that memory was lacking: Python's, or TensorFlow's."""
    # Whoever can hold TensorFlow's error has imported TensorFlow.
    tf = sys.modules.get("tensorflow")
    exhausted = tf is not None and isinstance(error, tf.errors.ResourceExhaustedError)
    # Of a library that is loaded the linker says it.
    unmapped = isinstance(error, ImportError) and "failed to map segment" in str(error)
    return exhausted or unmapped or isinstance(error, MemoryError)


def lacking(error):
    """What an exception says that this machine lacks, as a sentence, or None."""
    if out_of_memory(error):
        return "not enough memory (ulimit -v, or the container's, may limit it)"
    if "can't start new thread" in str(error) or _is_no_process(error):
        return "no other thread or process can be started (ulimit -u may limit them)"
    return None


def _is_no_process(error):
    # A full pipe raises it, too, and then it names a file.
    return isinstance(error, BlockingIOError) and error.filename is None


def cores(root="/"):
    """How many processors this process may use.

    Args:
      root: str or Path, where `proc` and `sys` are.

    Returns:
      int >= 1, by the process's affinity and by its cgroups' quota of processor time (a
      container's): a quota of 1.5 processors makes 2.
    """
    limits = [_affinity()]
    for folder in _cgroups("cpu", root):
        quota = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        # Without a quota it is "max" or -1.
        if len(quota) == 2 and quota[0].isdigit():
            limits.append(math.ceil(int(quota[0]) / int(quota[1])))
    return max(1, min(limits))


def memory(root="/"):
    """How much memory this process may use.

    Args:
      root: as of `cores`.

    Returns:
      int, bytes: the machine's, or its cgroups' limit where that is less.
    """
    import psutil

    limits = [psutil.virtual_memory().total]
    for folder in _cgroups("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limits += [int(word) for word in _words(folder / name) if word.isdigit()]
    return min(limits)


def share():
    """What one graph may take unless the user says otherwise: a quarter of `memory`.

    Returns:
      float, bytes.
    """
    return memory() / 4


def processor(root="/"):
    """Which processor this is, for who compares figures.

    Args:
      root: as of `cores`.

    Returns:
      str, its name and its widest vectors, as "AMD EPYC 9V74, AVX-512"; "" where the
      system does not say.
    """
    return ", ".join(filter(None, [_cpuinfo(root).get("model name"), vectors(root)]))


def vectors(root="/"):
    """The widest vectors that this processor computes with.

    Args:
      root: as of `cores`.

    Returns:
      str, "AVX-512" or "AVX2"; "" for neither, and where the system does not say.
    """
    flags = _cpuinfo(root).get("flags", "").split()
    known = (("avx512f", "AVX-512"), ("avx2", "AVX2"))
    return next((name for flag, name in known if flag in flags), "")


def _cpuinfo(root):
    """{key: value} of the first core, {} where the system does not say."""
    path = pathlib.Path(root) / "proc/cpuinfo"
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    told = {}
    for key, _, value in (line.partition(":") for line in lines):
        told.setdefault(key.strip(), value.strip())
    return told


def _affinity():
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cgroups(controller, root):
    """Folders of this process's cgroup and of those above it, whose limits hold as well."""
    root = pathlib.Path(root)
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        # Version 2 has one tree without controllers' names, version 1 a tree for each.
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if controllers else "")
        # In a container the path may be the host's; then only the mount itself exists.
        folder = mount / path.strip("/")
        yield from (folder, *folder.parents[: len(folder.parts) - len(mount.parts)])


def _words(path):
    try:
        return path.read_text().split()
    except OSError:
        return []
