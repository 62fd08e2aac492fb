"""Runs a row of the table and judges it."""

import contextlib
import dataclasses
import pathlib
import re
import shutil
import subprocess
import threading

from tests.faults.commands import COMMANDS, damaged, missing
from tests.faults.faults import FAULTS, arguments, can_mount, serving

TIMEOUT_S = 1800
# What nobody may find after a process that was not killed outright.
REMAINS = (".tmp-*", ".publishing-*")
# Never in a row's output.
TRACE = re.compile(r"^Traceback|^\w*(Error|Exception)\b", re.MULTILINE)


class CannotBeMadeError(Exception):
    """This system cannot make the fault."""


@dataclasses.dataclass
class Ended:
    """How a process ended.

    Attributes:
      code: int, its exit status; -n where signal n ended it.
      out, err: str.
    """

    code: int
    out: str
    err: str

    @property
    def lines(self):
        """Its lines on standard error, without empty ones."""
        return [line for line in self.err.splitlines() if line.strip()]


def run(command, fault, folder, inputs):
    """Runs a command under a fault.

    Args:
      command: `commands.Command`.
      fault: `faults.Fault`.
      folder: Path that is made, where it runs.
      inputs: `inputs.Inputs`.

    Returns:
      (list of `Ended`, of one process or of two; Path of the folder with what is left).

    Raises:
      CannotBeMadeError: if this system cannot make the fault.
    """
    if fault.mounts and not can_mount():
        raise CannotBeMadeError("no mounts of one's own here")
    folder.mkdir()
    given = folder.with_name(f"{folder.name}-given")
    given.mkdir()
    inputs.put(command.inputs, given)
    shutil.copytree(given, folder, dirs_exist_ok=True)
    left = (
        folder.with_name(f"{folder.name}-left")
        if "KEEP" in (fault.script or "")
        else folder
    )
    environment = command.variables(**fault.environment)
    environment |= {"INPUT": str(given), "KEEP": str(left)}
    environment["KERAS_HOME"] = str(folder.with_name("keras"))
    line = arguments(fault, command.line, folder)
    with contextlib.ExitStack() as life:
        if fault.serves:
            environment["KERAS_PAIRS_URL"] = life.enter_context(serving(*fault.serves))
        processes = [
            subprocess.Popen(
                line,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # A shell's background job would ignore Ctrl-C, and so would its child.
                preexec_fn=usual_signals,
            )
            for _ in range(1 + fault.twice)
        ]
        if fault.disturb:
            threading.Thread(
                target=fault.disturb, args=(processes[0], folder, command)
            ).start()
        ended = []
        for process in processes:
            out, err = process.communicate(timeout=TIMEOUT_S)
            ended.append(Ended(process.returncode, out, err))
    return ended, left


def usual_signals():
    import signal

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def judge(row, folder, inputs):
    """Runs a row of `table.ROWS` and the same command again; what is wrong with it.

    Args:
      row: `table.Row`.
      folder: Path, existing and empty.
      inputs: `inputs.Inputs`.

    Returns:
      list of str, empty where all is as it should be.

    Raises:
      CannotBeMadeError: if this system cannot make the fault.
    """
    command, fault = COMMANDS[row.command], FAULTS[row.fault]
    if row.arguments:
        given = command.arguments + row.arguments
        command = dataclasses.replace(command, arguments=given)
    ended, left = run(command, fault, pathlib.Path(folder) / "work", inputs)
    wrong = []
    codes = tuple(sorted(each.code for each in ended))
    wanted = command.second if fault.twice else row.codes
    # Of two at once one does the work, whichever it is.
    if codes[-1] not in wanted or (fault.twice and codes[0] != 0):
        wrong.append(f"ended with {codes}, not {wanted}: {ended[0].err[-600:]}")
    for each in ended:
        wrong += _wrong_words(row, each)
    done = 0 in codes
    lacking = missing(command, left)
    if done and lacking and row.whole:
        wrong.append(f"says that it is done, and left no {lacking}")
    if not done and command.leaves and not lacking:
        wrong.append(f"says that it failed, and left {command.leaves}")
    remains = [str(p.relative_to(left)) for n in REMAINS for p in left.rglob(n)]
    if remains and not row.killed:
        wrong.append(f"left {remains}")
    if broken := damaged(left):
        wrong.append(f"left what is not whole: {broken}")
    if row.again:
        wrong += _again(command, left, row.killed)
    return wrong


def _wrong_words(row, ended):
    wrong = []
    if TRACE.search(ended.err):
        wrong.append(f"a traceback: {ended.err[-900:]}")
    if ended.code == 0 or row.says is None:
        return wrong
    last = ended.lines[-1] if ended.lines else ""
    if len(ended.lines) != 1 or not last.startswith("error: "):
        wrong.append(f"not one sentence: {ended.err[-900:]!r}")
    if not re.search(row.says, last):
        wrong.append(f"says {last!r}, not {row.says!r}")
    return wrong


def _again(command, left, killed):
    """What is wrong where the same command runs again, without a fault."""
    done = subprocess.run(
        command.line,
        cwd=left,
        env=command.variables(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    wrong = []
    if done.returncode or TRACE.search(done.stderr):
        wrong.append(f"again it ended with {done.returncode}: {done.stderr[-900:]}")
    if lacking := missing(command, left):
        wrong.append(f"again it left no {lacking}")
    if broken := damaged(left):
        wrong.append(f"again it left what is not whole: {broken}")
    remains = [str(p) for n in REMAINS for p in left.rglob(n)]
    if remains and not killed:
        wrong.append(f"again there was {remains}")
    return wrong
