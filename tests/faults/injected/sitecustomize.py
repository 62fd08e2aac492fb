"""Faults that a process finds when it starts; KERAS_PAIRS_FAULT says which.

With KERAS_PAIRS_SHORT an ink network's training is one of seconds. Python imports a module
of this name by itself.
"""

import errno
import importlib.abc
import importlib.machinery
import os
import sys
import time
import urllib.request

FAULT = os.environ.get("KERAS_PAIRS_FAULT", "")
# When the clock starts that is set back.
EPOCH = {"clock back": 1.6e9, "clock lost": 0.0}


class Loader(importlib.abc.Loader):
    """Makes a TensorFlow of long ago."""

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__version__ = "2.10.0"


class Finder(importlib.abc.MetaPathFinder):
    """Finds no TensorFlow, or an old one."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        if FAULT == "no tensorflow":
            raise ModuleNotFoundError("No module named 'tensorflow'", name=name)
        return importlib.machinery.ModuleSpec(name, Loader())


class Shorter(importlib.abc.MetaPathFinder):
    """Finds the training of the ink network, with few steps and scenes."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras_pairs.pictures.ink_training":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        whole = spec.loader.exec_module

        def shortened(module):
            whole(module)
            module.STEPS_PER_EPOCH, module.VALIDATION_SCENES = 12, 16

        spec.loader.exec_module = shortened
        return spec


def no_process(*arguments):
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def from_here(url, **options):
    """What KERAS_PAIRS_URL gives in place of any download."""
    return real(os.environ["KERAS_PAIRS_URL"], **options)


if "KERAS_PAIRS_SHORT" in os.environ:
    sys.meta_path.insert(0, Shorter())
if FAULT.endswith("tensorflow"):
    sys.meta_path.insert(0, Finder())
if FAULT in EPOCH:
    begun = time.time()
    clock, local = time.time, time.localtime

    def set_back():
        # gRPC's deadlines are compared with the system's clock, which nobody sets here.
        caller = sys._getframe(1).f_globals.get("__name__", "")
        now = clock()
        return now if caller.startswith("grpc.") else now - begun + EPOCH[FAULT]

    time.time = set_back
    time.localtime = lambda seconds=None: local(time.time() if seconds is None else seconds)
if FAULT == "no processes":
    import _posixsubprocess

    _posixsubprocess.fork_exec = no_process
    os.fork = os.posix_spawn = no_process
    import subprocess

    subprocess._fork_exec = no_process
if FAULT == "download":
    real = urllib.request.urlopen
    urllib.request.urlopen = from_here
