"""`python -m <package>`: the list of commands, and the first word as a command."""

import difflib
import importlib
import sys

from keras_pairs.commands import runner


def run(package, doc, commands):
    """`python -m <package>`: runs the command that the first word names, or lists all.

    Args:
      package: str.
      doc: str, what stands above the list.
      commands: tuple of str, modules of the package with a `run()`. The first line of
        their docstrings says what they do.
    """
    word = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if word in runner.HELP:
        lines = [doc.strip(), "", "Commands, each with a --help of its own:"]
        for name in commands:
            module = importlib.import_module(f"{package}.{name}")
            lines.append(f"  {name:10}{module.__doc__.splitlines()[0]}")
        runner.show("\n".join(lines))
    if word == "--version":
        runner.show(runner.version())
    if word not in commands:
        near = difflib.get_close_matches(word, commands, 1)
        there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(commands)}"
        runner.fail(f"no command {word}; {there}", 2)
    del sys.argv[1]
    importlib.import_module(f"{package}.{word}").run()
