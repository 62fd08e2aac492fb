"""What every command line of this project does alike: flags, errors, quiet start-up."""

import os
import pathlib
import sys

from absl import flags as absl_flags

from keras_pairs import __version__, machine, startup
from keras_pairs.commands import endings, flags
from keras_pairs.commands.usage import usage
from keras_pairs.errors import UsageError, UserError

HELP = {"--help", "-help", "-h"}
# Flags that a command had once, and what to do instead.
GONE = {
    "model": "no --model here: python -m keras_pairs.score --model=… has one",
    "weight_averaging": "--weight_averaging is gone: it adds nothing where the learning "
    "rate falls (--one_cycle)",
}


def run(main, doc, rows, argv=None, arguments=0, keras=True):
    """Parses the command line, calls `main(values, *arguments)` and exits.

    Exit codes: 0; 1 for what went wrong later (a bad file, a full disk); 2 for a bad
    flag, or flags that do not go together; 128 and the signal's number, as of shells, for
    Ctrl-C, SIGTERM, and a terminal that is closed. An error is one line on stderr,
    `error: …`.

    Args:
      main: function of the parsed `absl.flags.FlagValues` and of the arguments, str each.
      doc: str, what `--help` prints above the flags.
      rows: dict, name → `flags.Flag`.
      argv: list of str, default `sys.argv`.
      arguments: int, how many arguments besides flags there may be.
      keras: whether the command needs Keras, see `startup.quiet`.
    """
    argv = list(sys.argv if argv is None else argv)
    check_streams()
    values = flags.define(rows)
    words = argv[1:]
    flag_words = words[: words.index("--")] if "--" in words else words
    if not HELP.isdisjoint(flag_words):
        show(usage(doc, rows))
    if "--version" in flag_words:
        show(version())
    try:
        words = values.read_flags_from_files(words)
        if any("\0" in word for word in words):
            fail("--flagfile: not a text file", 2)
        rest = values([argv[0], *words])[1:]
    except UnicodeDecodeError:
        fail("--flagfile: not a text file", 2)
    except absl_flags.UnrecognizedFlagError as error:
        fail(GONE.get(error.flagname, error), 2)
    except (absl_flags.Error, ValueError, OSError) as error:
        # absl has a prefix of its own for a flagfile, and raises other errors than its own.
        fail(str(error).removeprefix("ERROR:: "), 2)
    if len(rest) > arguments:
        fail(f"unexpected argument: {rest[arguments]}", 2)
    try:
        with endings.raised():
            startup.quiet(keras)
            main(values, *rest)
            sys.stdout.flush()
    except UserError as error:
        fail(error, 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        _reader_is_gone()
    except OSError as error:
        fail(machine.lacking(error) or _told(error), 1)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        # One of our own is a fault, and shows as one.
        if package in ("", "keras_pairs", "tuner"):
            raise
        fail(f"the package {package} is missing; pip install keras_pairs brings it", 1)
    except (KeyboardInterrupt, endings.Ended) as error:
        endings.leave(error)
    except Exception as error:
        lacking = machine.lacking(error)
        if lacking is None:
            raise
        fail(lacking, 1)
    sys.exit(0)


def version():
    """The one line of `--version`."""
    return f"keras_pairs {__version__}"


def say(*parts):
    """Prints a line of the result, at once.

    Raises:
      OSError: if it cannot be written, with a name for it.
    """
    try:
        print(*parts, flush=True)
    except OSError as error:
        error.filename = "standard output"
        raise


def relative(path):
    """`path` as the user would type it from here."""
    try:
        path, here = pathlib.Path(path).absolute(), pathlib.Path.cwd()
    except FileNotFoundError:
        # Whose folder is gone.
        return pathlib.Path(path)
    return path.relative_to(here) if path.is_relative_to(here) else path


def show(text):
    """Prints what was asked for instead of work, and exits."""
    check_streams()
    try:
        say(text)
    except BrokenPipeError:
        _reader_is_gone()
    except OSError as error:
        fail(_told(error), 1)
    sys.exit(0)


def _told(error):
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _reader_is_gone():
    """Exits as `head` wants it: without a word, and without another try to write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def check_streams():
    """Sees to it that descriptors 0 to 2 are no files of ours, and refuses a closed output.

    What a process opens gets the lowest number that is free: where it was started without
    a standard error, TensorFlow would write its log into the first file.
    """
    closed = []
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            closed.append(number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")
    if 1 in closed or sys.stdout is None:
        sys.stdout = open(os.devnull, "w")
        fail("standard output is closed; give >/dev/null where nobody is to read it", 1)
    # A file's name may hold what no encoding has.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def fail(message, code):
    """Prints a line on stderr and exits."""
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(code)
