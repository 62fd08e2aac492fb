"""The reference of the Python interface: calls and docstrings, read from the source."""

import ast
import dataclasses
import pathlib
import textwrap

import keras_pairs
from keras_pairs.config import FIELDS
from keras_pairs.fields import option

HOME = pathlib.Path(keras_pairs.__file__).parent
# What the public functions take or return besides: name → module.
BESIDES = {
    "Comparer": "serving.comparer",
    "Comparison": "serving.comparison",
    "Seen": "pictures.seen",
    "Pairs": "data.pairs",
    "Splits": "data.pairs",
    "Trained": "training.fit",
    "Run": "training.run",
}


def reference(path):
    """Each public name, in the order of `keras_pairs.__all__`, then `BESIDES`; no file."""
    homes = keras_pairs._HOMES | BESIDES
    return "\n".join(line for name in homes for line in _entry(name, homes[name]))


def _entry(name, module):
    text, node = _definition(module, name)
    lines = [f"## {name}", "", f"`keras_pairs.{module}`", ""]
    lines += ["```python", *_shown(text, node), "```", ""]
    for method in node.body if isinstance(node, ast.ClassDef) else ():
        public = isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
        if public:
            lines += [f"### {name}.{method.name}", ""]
            lines += ["```python", *_shown(text, method), "```", ""]
    return lines


def _definition(module, name):
    """A module's text, and the node of a function or class in it."""
    base = HOME.joinpath(*module.split("."))
    found = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    text = found.read_text(encoding="utf-8")
    body = ast.parse(text).body
    defined = (ast.FunctionDef, ast.ClassDef)
    named = {node.name: node for node in body if isinstance(node, defined)}
    if name in named:
        return text, named[name]
    # A room's own module tells which of its modules has it.
    (home,) = (
        node.module.removeprefix("keras_pairs.")
        for node in body
        if isinstance(node, ast.ImportFrom) and name in {each.name for each in node.names}
    )
    return _definition(home, name)


def _field(node):
    """A field of a dataclass, with its type and its default."""
    name, value = node.target.id, node.value
    text = f"{name}: {ast.unparse(node.annotation)}"
    if isinstance(value, ast.Call) and ast.unparse(value.func) == option.__name__:
        default = FIELDS[name].default
        # With the quotes of a formatter.
        shown = repr(default).replace("'", '"')
        return text if default is dataclasses.MISSING else f"{text} = {shown}"
    return f"{text} = {ast.unparse(value)}" if value else text


def _shown(text, node):
    """The lines of a definition down to the end of its docstring, and a class's fields."""
    first = min([node, *getattr(node, "decorator_list", ())], key=lambda each: each.lineno)
    lines = text.splitlines()[first.lineno - 1 : node.body[0].end_lineno]
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    known = [f"    {_field(each)}" for each in fields]
    shown = textwrap.dedent("\n".join(lines)).splitlines()
    return [*shown, "", *known] if known else shown
