"""The rooms of the code, and which imports which: from the imports themselves.

python -m docs.rooms    # shows them; `python -m docs.build` writes docs/rooms.svg
"""

import ast
import pathlib
import xml.sax.saxutils

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("keras_pairs", "tuner")
# Modules of the package itself; every folder in it is a room of that name.
ROOMS = {
    "facts": ("errors", "fields", "outputs", "paper", "trunks"),
    "tools": (
        *("files", "graph", "locks", "machine", "plots", "progress"),
        *("scoring", "startup", "tables"),
    ),
    "config": ("config",),
    "command lines": (
        *("__main__", "evaluate", "export", "ink", "predict", "score", "serve", "train"),
    ),
}
# What a room is for, and its column in the picture.
ABOUT = {
    "tuner": ("searches on keras-tuner", 0),
    "command lines": ("parse, call, print", 1.3),
    "training": ("populations, rounds, runs", 2),
    "server": ("models over HTTP, and the page", 3.2),
    "serving": ("publishing and asking models", 2.6),
    "commands": ("flags, errors, quiet start", 0),
    "networks": ("section II.A and its kits", 1),
    "data": ("images and pairs", 2.8),
    "pictures": ("a stranger's file to MNIST's form", 3.8),
    "config": ("every field of a training", 0.6),
    "tools": ("for everybody", 2.8),
    "facts": ("the paper, outputs, trunks", 2.2),
}
COLUMN, BOX, LINE, GAP, LETTERS = 270, 240, 16, 50, 34


def modules():
    """{name: Path} of all modules; a package's own is its `__init__`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path, known, top_only=False):
    """What a file imports, a set of modules' names; of packages in `known` the module.

    Args:
      path: Path.
      known: names of our modules.
      top_only: whether imports inside of functions do not count.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return found


def room(module):
    """The room of one of our modules, or None of the package itself.

    Raises:
      ValueError: if it has none.
    """
    package, *rest = module.split(".")
    if package == "tuner":
        return package
    if not rest:
        return None
    for found, names in ROOMS.items():
        if ".".join(rest) in names:
            return found
    if (ROOT / package / rest[0]).is_dir():
        return rest[0]
    raise ValueError(f"{module}: in no room; add it to docs.rooms.ROOMS")


def plan():
    """({room: its modules' names}, {room: the rooms that it imports})."""
    known = modules()
    inside, uses = {}, {}
    for module, path in known.items():
        home = room(module)
        if home is None:
            continue
        inside.setdefault(home, []).append(path.stem)
        uses.setdefault(home, set())
        for name in imports(path, known):
            other = room(name) if name in known else None
            if other not in (None, home):
                uses[home].add(other)
    return inside, uses


def levels(uses):
    """{room: int}, 0 of a room that imports none; each lies above all that it imports.

    Raises:
      ValueError: if rooms import each other.
    """
    found = {}

    def level(name, above=()):
        if name in above:
            raise ValueError(f"rooms import each other: {' → '.join((*above, name))}")
        if name not in found:
            below = [level(other, (*above, name)) for other in sorted(uses[name])]
            found[name] = max(below, default=-1) + 1
        return found[name]

    for name in sorted(uses):
        level(name)
    return found


def shortest(uses):
    """`uses` without what a longer way shows, too."""

    def reach(name):
        return uses[name].union(*(reach(other) for other in uses[name]))

    return {
        name: {
            other
            for other in found
            if not any(other in reach(between) for between in found - {other})
        }
        for name, found in uses.items()
    }


def svg():
    """The picture, as text."""
    inside, uses = plan()
    height = levels(uses)
    texts = {name: _lines(inside[name]) for name in inside}
    tall = {
        level: max(len(texts[name]) for name in texts if height[name] == level)
        for level in set(height.values())
    }
    top, y = {}, 20
    for level in sorted(tall, reverse=True):
        top[level] = y
        y += (tall[level] + 2) * LINE + 16 + GAP
    places = {}
    for name in texts:
        left = 20 + ABOUT[name][1] * COLUMN
        places[name] = left, top[height[name]], (tall[height[name]] + 2) * LINE + 16
    width = max(left for left, _, _ in places.values()) + BOX + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {y - GAP + 20}" '
        'font-family="sans-serif" font-size="12">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker>'
        "</defs>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for name, others in sorted(shortest(uses).items()):
        for other in sorted(others):
            left, above, size = places[name]
            to, below, _ = places[other]
            parts.append(
                f'<path d="M{left + BOX / 2:g} {above + size} {to + BOX / 2:g} {below}" '
                'stroke="#667" stroke-width="1.4" marker-end="url(#head)"/>'
            )
    for name, (left, above, size) in sorted(places.items()):
        parts.append(
            f'<rect x="{left:g}" y="{above}" width="{BOX}" height="{size}" rx="6" '
            'fill="#eef3fa" stroke="#345"/>'
        )
        lines = [(name, "bold", "#123"), (ABOUT[name][0], "normal", "#123")]
        lines += [(text, "normal", "#667") for text in texts[name]]
        for number, (text, weight, colour) in enumerate(lines, 1):
            parts.append(
                f'<text x="{left + 10:g}" y="{above + 4 + number * LINE}" '
                f'font-weight="{weight}" fill="{colour}">'
                f"{xml.sax.saxutils.escape(text)}</text>"
            )
    return "\n".join([*parts, "</svg>", ""])


def _lines(names):
    """A room's modules, several on a line."""
    lines = [""]
    for name in sorted(n for n in names if not n.startswith("__")):
        longer = f"{lines[-1]}, {name}" if lines[-1] else name
        if len(longer) > LETTERS:
            lines.append(name)
        else:
            lines[-1] = longer
    return lines


def main():
    """Shows the rooms from above to below, and what each imports."""
    _, uses = plan()
    found = levels(uses)
    for name in sorted(uses, key=lambda name: (-found[name], name)):
        print(f"{name}: {', '.join(sorted(uses[name])) or 'nothing'}")


if __name__ == "__main__":
    main()
