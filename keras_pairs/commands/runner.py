"""What every command line of this project does alike: flags, errors, quiet start-up."""

import os
import pathlib
import sys

from absl import flags as absl_flags

from keras_pairs import __version__, startup
from keras_pairs.commands import flags
from keras_pairs.commands.usage import usage
from keras_pairs.errors import UsageError, UserError

HELP = {"--help", "-help", "-h"}
# Flags that were, and what to do instead.
GONE = {
    "model": "no --model here: python -m keras_pairs.score --model=… has one",
    "weight_averaging": "--weight_averaging is gone: it adds nothing where the learning "
    "rate falls (--one_cycle)",
}


def run(main, doc, rows, argv=None, arguments=0, keras=True):
    """Parses the command line, calls `main(values, *arguments)` and exits.

    Exit codes: 0; 1 for what went wrong later (a bad file, a full disk); 2 for a bad
    flag; 130 for Ctrl-C. An error is one line on stderr, `error: …`.

    Args:
      main: function of the parsed `absl.flags.FlagValues`.
      doc: str, what `--help` prints above the flags.
      rows: dict, name → `flags.Flag`.
      argv: list of str, default `sys.argv`.
      arguments: int, how many arguments besides flags there may be.
      keras: whether the command needs Keras, see `startup.quiet`.
    """
    argv = list(sys.argv if argv is None else argv)
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
        startup.quiet(keras)
        main(values, *rest)
        sys.stdout.flush()
    except UserError as error:
        fail(error, 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        _reader_is_gone()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror or error}", 1)
    except KeyboardInterrupt:
        fail("interrupted", 130, "\n")
    sys.exit(0)


def version():
    """The one line of `--version`."""
    return f"keras_pairs {__version__}"


def say(*parts):
    """Prints a line of the result, at once."""
    print(*parts, flush=True)


def relative(path):
    """`path` as the user would type it from here."""
    path = pathlib.Path(path).absolute()
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def show(text):
    """Prints what was asked for instead of work, and exits."""
    try:
        say(text)
    except BrokenPipeError:
        _reader_is_gone()
    sys.exit(0)


def _reader_is_gone():
    """Exits as `head` wants it: without a word, and without another try to write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def fail(message, code, before=""):
    """Prints a line on stderr and exits."""
    print(f"{before}error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(code)
