"""The reference of the Python interface: calls and docstrings, read from the source."""

import ast
import dataclasses
import pathlib
import textwrap

import keras_pairs
from keras_pairs.config import FIELDS
from keras_pairs.fields import option

ROOT = pathlib.Path(keras_pairs.__file__).parents[1]
# What the public functions take or return besides: (name, module).
BESIDES = (
    ("Comparer", "keras_pairs.serving.comparer"),
    ("Comparison", "keras_pairs.serving.comparison"),
    ("Seen", "keras_pairs.pictures.seen"),
    ("Pairs", "keras_pairs.data.pairs"),
    ("Splits", "keras_pairs.data.pairs"),
    ("Trained", "keras_pairs.training.fit"),
    ("Run", "keras_pairs.training.run"),
    # Of searches.
    ("PairsHyperModel", "tuner.hypermodel"),
    ("Grid", "tuner.space"),
    ("load", "tuner.population"),
)


def reference(path):
    """Each public name, in the order of `keras_pairs.__all__`, then `BESIDES`; no file."""
    own = [(name, f"keras_pairs.{home}") for name, home in keras_pairs._HOMES.items()]
    return "\n".join(line for entry in (*own, *BESIDES) for line in _entry(*entry))


def fields(path):
    """The fields of a training, from their declarations; no file."""
    lines = ["| field | default | what it is |", "|:------|:--------|:-----------|"]
    for name, field in FIELDS.items():
        missing = field.default is dataclasses.MISSING
        default = "" if missing else f"`{_quoted(field.default)}`"
        lines.append(f"| `{name}` | {default} | {field.metadata['help']} |")
    return "\n".join([*lines, ""])


def _entry(name, module):
    text, node = _definition(module, name)
    lines = [f"## {name}", "", f"`{module}`", ""]
    lines += ["```python", *_shown(text, node), "```", ""]
    for method in node.body if isinstance(node, ast.ClassDef) else ():
        public = isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
        if public:
            lines += [f"### {name}.{method.name}", ""]
            lines += ["```python", *_shown(text, method), "```", ""]
    return lines


def _definition(module, name):
    """A module's text, and the node of a function or class in it."""
    base = ROOT.joinpath(*module.split("."))
    found = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    text = found.read_text(encoding="utf-8")
    body = ast.parse(text).body
    defined = (ast.FunctionDef, ast.ClassDef)
    named = {node.name: node for node in body if isinstance(node, defined)}
    if name in named:
        return text, named[name]
    # A room's own module tells which of its modules has it.
    (home,) = (
        node.module
        for node in body
        if isinstance(node, ast.ImportFrom) and name in {each.name for each in node.names}
    )
    return _definition(home, name)


def _field(node):
    """A field of a dataclass, with its type and its default."""
    name, value = node.target.id, node.value
    text = f"{name}: {_formatted(node.annotation)}"
    if isinstance(value, ast.Call) and ast.unparse(value.func) == option.__name__:
        default = FIELDS[name].default
        return text if default is dataclasses.MISSING else f"{text} = {_quoted(default)}"
    return f"{text} = {_formatted(value)}" if value else text


def _quoted(value):
    return _formatted(ast.Constant(value))


def _formatted(node):
    """A node's source, with the quotes of a formatter."""
    return ast.unparse(node).replace("'", '"')


def _shown(text, node):
    """The lines of a definition down to the end of its docstring, and a class's fields."""
    first = min([node, *getattr(node, "decorator_list", ())], key=lambda each: each.lineno)
    lines = text.splitlines()[first.lineno - 1 : node.body[0].end_lineno]
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    known = [f"    {_field(each)}" for each in fields]
    shown = textwrap.dedent("\n".join(lines)).splitlines()
    return [*shown, "", *known] if known else shown
