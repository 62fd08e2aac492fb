"""What every command line of this project does alike: flags, errors, quiet start-up."""

import difflib
import importlib
import logging
import os
import pathlib
import sys
import textwrap

from absl import flags

from keras_pairs import __version__, machine
from keras_pairs.command_flags import define_flags
from keras_pairs.config import BEYOND_PAPER, UsageError, UserError

HELP = {"--help", "-help", "-h"}
# Of every command: what absl and `run` understand without a definition.
COMMON_FLAGS = {
    "flagfile=<file>": "Read flags from a text file, one a line; a line that begins with # "
    "is a comment. They count as if they stood here: of a flag given twice the later wins.",
    "help": "Show this.",
    "version": "Show the version.",
}

# Filters times pairs. Measured on two cores: at 80 one thread takes 0.4 of two threads'
# time, at 1,600 0.7, at 6,400 1.2.
SMALL_STEP = 4000


def run(main, doc, names, argv=None, grid=False, arguments=0, keras=True):
    """Parses the command line, calls `main(values, *arguments)` and exits.

    Exit codes: 0; 1 for what went wrong later (a bad file, a full disk); 2 for a bad
    flag; 130 for Ctrl-C. An error is one line on stderr, `error: …`.

    Args:
      main: function of the parsed `absl.flags.FlagValues`.
      doc: str, what `--help` prints above the flags.
      names: names of the flags, see `command_flags.define_flags`.
      argv: list of str, default `sys.argv`.
      grid: as in `define_flags`.
      arguments: int, how many arguments besides flags there may be.
      keras: whether the command needs Keras, see `quiet`.
    """
    argv = list(sys.argv if argv is None else argv)
    values = define_flags(names, grid)
    words = argv[1:]
    flag_words = words[: words.index("--")] if "--" in words else words
    if not HELP.isdisjoint(flag_words):
        _show(usage(doc, values))
    if "--version" in flag_words:
        _show(version())
    try:
        words = values.read_flags_from_files(words)
        if any("\0" in word for word in words):
            _fail("--flagfile: not a text file", 2)
        rest = values([argv[0], *words])[1:]
    except UnicodeDecodeError:
        _fail("--flagfile: not a text file", 2)
    except (flags.Error, ValueError, OSError) as error:
        # absl has a prefix of its own for a flagfile, and some errors are no `flags.Error`.
        _fail(str(error).removeprefix("ERROR:: "), 2)
    if len(rest) > arguments:
        _fail(f"unexpected argument: {rest[arguments]}", 2)
    try:
        quiet(keras)
        main(values, *rest)
        sys.stdout.flush()
    except UserError as error:
        _fail(error, 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        _reader_is_gone()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", 1)
    except KeyboardInterrupt:
        _fail("interrupted", 130, "\n")
    sys.exit(0)


def run_command(package, doc, commands):
    """`python -m <package>`: runs the command that the first word names, or lists all.

    Args:
      package: str.
      doc: str, what stands above the list.
      commands: tuple of str, modules of the package with a `run()`. The first line of
        their docstrings says what they do.
    """
    word = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if word in HELP:
        lines = [doc.strip(), "", "Commands, each with a --help of its own:"]
        for name in commands:
            module = importlib.import_module(f"{package}.{name}")
            lines.append(f"  {name:10}{module.__doc__.splitlines()[0]}")
        _show("\n".join(lines))
    if word == "--version":
        _show(version())
    if word not in commands:
        near = difflib.get_close_matches(word, commands, 1)
        there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(commands)}"
        _fail(f"no command {word}; {there}", 2)
    del sys.argv[1]
    importlib.import_module(f"{package}.{word}").run()


def version():
    """The one line of `--version`."""
    return f"keras_pairs {__version__}"


def usage(doc, values):
    """The text of `--help`."""
    lines = [doc.strip(), "", "Flags:"]
    for name in values:
        flag = values[name]
        default = flag.default
        if isinstance(default, tuple):
            default = ",".join(f"{number:g}" for number in default)
        default = "" if default is None else f" [{default}]"
        choices = getattr(flag.parser, "enum_values", None)
        kind = f"=<{'|'.join(choices)}>" if choices else ""
        lines += [f"  --{name}{kind}", _indented(flag.help + default)]
    lines += ["", "Flags of every command:"]
    for name, text in COMMON_FLAGS.items():
        lines += [f"  --{name}", _indented(text)]
    return "\n".join(lines)


def _indented(text):
    return textwrap.fill(text, 78, initial_indent=" " * 6, subsequent_indent=" " * 6)


def quiet(keras=True):
    """Plain warnings of our own, and Keras on TensorFlow.

    Args:
      keras: whether Keras will be used.

    Raises:
      UserError: if it will, and the environment asks for another backend.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Keras takes an empty name for none.
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if keras and backend != "tensorflow":
        raise UserError(
            f"the environment has KERAS_BACKEND={backend}; this command needs tensorflow"
        )
    os.environ["KERAS_BACKEND"] = backend
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)


def import_tensorflow(work=None, keras=True, population=False):
    """Imports TensorFlow and finds its devices without their start-up noise.

    TensorFlow writes it to file descriptor 2 before it reads any setting. Where the
    import fails, what was held back is shown.

    Args:
      work: filters times pairs of a training step, over all members, or None. Small steps
        run on one thread: handing their operations around takes longer than they do.
      keras: whether Keras will be used. Importing it is a third of TensorFlow's start-up.
      population: whether the job trains several networks in one graph, see
        `machine.prefer_onednn`.
    """
    if population:
        machine.prefer_onednn()
    if not keras:
        # With this, TensorFlow looks for the package tf_keras and does without it.
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    with machine.noise_held_back():
        import tensorflow as tf

        if work is not None and work < SMALL_STEP:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.list_logical_devices()
        # Warns of every new graph; a search makes one for each population.
        tf.get_logger().setLevel("ERROR")


def say(*parts):
    """Prints a line of the result, at once."""
    print(*parts, flush=True)


def print_config(config, images):
    """Shows a configuration before the work begins."""
    values = config.to_dict() | {"dataset": images.name, "data_path": images.source}
    beyond = config.beyond_paper()
    values = {k: v for k, v in values.items() if k in beyond or k not in BEYOND_PAPER}
    say("  ".join(f"{name}={value}" for name, value in values.items()))


def relative(path):
    """`path` as the user would type it from here."""
    path = pathlib.Path(path).absolute()
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _show(text):
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


def _fail(message, code, before=""):
    print(f"{before}error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(code)
