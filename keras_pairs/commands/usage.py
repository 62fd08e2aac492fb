"""What `--help` prints."""

import textwrap

from keras_pairs.commands.flags import shown

# Of every command: what absl and `run` understand without a definition.
COMMON_FLAGS = {
    "flagfile=<file>": "Read flags from a text file, one a line; a line that begins with # "
    "is a comment. They count as if they stood here: of a flag given twice the later wins.",
    "help": "Show this.",
    "version": "Show the version.",
}


def usage(doc, rows):
    """The text of `--help`."""
    lines = [doc.strip(), "", "Flags:"]
    for name, row in rows.items():
        flag, text = _describe(name, row)
        lines += [f"  {flag}", _indented(text)]
    lines += ["", "Flags of every command:"]
    for name, text in COMMON_FLAGS.items():
        lines += [f"  --{name}", _indented(text)]
    return "\n".join(lines)


def _indented(text):
    return textwrap.fill(text, 78, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _describe(name, row):
    """(the flag as `--help` names it, its text)."""
    values = "|".join(row.kind.choices) or row.kind.shown
    kind = f"=<{values}>" if values else ""
    default = shown(row.default) if row.default is not None else row.shown
    return f"--{name}{kind}", row.help + (f" [{default}]" if default else "")
