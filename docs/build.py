"""Fills the tables of the pages from result files, and draws the rooms of the code.

    python -m docs.build            # writes the pages and docs/rooms.svg
    python -m docs.build --check    # exit code 1 where one differs from what it would be

A page says where a table goes, of which kind it is, and from which file beside the page:

    <!-- table: evaluation results.json -->
    <!-- /table -->

What stands between the two lines is replaced. The kinds are the keys of `docs.kinds.KINDS`.
"""

import pathlib
import re
import sys

from docs import rooms
from docs.kinds import KINDS
from keras_pairs.commands import runner
from keras_pairs.files import write_text

ROOT = pathlib.Path(__file__).parent.parent
TABLE = re.compile(r"(<!-- table: (\S+) (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def pages():
    """Paths of all pages: the README and what lies below docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def built(page):
    """The text that a page should have.

    Raises:
      ValueError: if it names a kind that there is not, or a result file cannot be read.
    """
    page = pathlib.Path(page)

    def fill(match):
        opening, kind, name, closing = match.groups()
        if kind not in KINDS:
            raise ValueError(f"{page}: no kind of table is called {kind}")
        try:
            return f"{opening}\n{KINDS[kind](page.parent / name)}\n{closing}"
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{page}, {name}: {error!r}") from error

    return TABLE.sub(fill, _text(page))


def _text(path):
    return path.read_text(encoding="utf-8")


def main(arguments):
    """Writes the pages, or with --check tells which differ; returns the exit code."""
    if not runner.HELP.isdisjoint(arguments):
        print(__doc__.strip())
        return 0
    if arguments not in ([], ["--check"]):
        print("error: takes --check or nothing", file=sys.stderr)
        return 2
    wanted = {page: built(page) for page in pages()}
    wanted[ROOT / "docs" / "rooms.svg"] = rooms.svg()
    differing = [p for p, text in wanted.items() if not p.exists() or _text(p) != text]
    for path in differing:
        name = path.relative_to(ROOT)
        if arguments:
            print(f"error: {name} differs; run python -m docs.build", file=sys.stderr)
        else:
            write_text(path, wanted[path])
            print(f"{name} written")
    return 1 if arguments and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
