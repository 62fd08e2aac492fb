"""What every command line of this project does alike: flags, errors, quiet start-up."""

import logging
import os
import pathlib
import sys
import textwrap

from absl import flags

from keras_pairs import machine
from keras_pairs.command_flags import define_flags
from keras_pairs.config import BEYOND_PAPER, UsageError, UserError

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
    if any(arg in ("--help", "-help", "-h") for arg in argv[1:]):
        print(usage(doc, values))
        sys.exit(0)
    try:
        rest = values(argv)[1:]
    except flags.Error as error:
        _fail(error, 2)
    if len(rest) > arguments:
        _fail(f"unexpected argument: {rest[arguments]}", 2)
    try:
        quiet(keras)
        main(values, *rest)
        sys.stdout.flush()
    except UserError as error:
        _fail(error, 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", 1)
    except KeyboardInterrupt:
        _fail("interrupted", 130, "\n")
    sys.exit(0)


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
        lines.append(f"  --{name}{kind}")
        lines += textwrap.wrap(
            flag.help + default, 78, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


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


def _fail(message, code, before=""):
    print(f"{before}error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(code)
