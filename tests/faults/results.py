"""What rows of the table came to, as a file, and as the table of docs/faults.md."""

import collections
import pathlib
import re

from keras_pairs import files
from keras_pairs.tables import markdown_table
from tests.faults.table import ROWS
from tests.helpers import ROOT

RECORDED = ROOT / "docs" / "studies" / "faults" / "results.json"


def read(path):
    """{row: its result} of a file that `write` wrote; {} where there is none."""
    if not pathlib.Path(path).exists():
        return {}
    return {each["row"]: each for each in files.read_json(path)["rows"]}


def write(path, found):
    """Writes {row: its result}, in the order of the table."""
    known = [found[str(row)] for row in ROWS if str(row) in found]
    files.write_json(path, {"rows": known, **files.provenance()})


def tabulate(found):
    """How many rows of each fault were right, and how many were never run.

    Args:
      found: dict, see `read`.

    Returns:
      str, a table in Markdown.
    """
    faults = collections.defaultdict(collections.Counter)
    for row in ROWS:
        kind = re.sub(r" (at )?\d+k?$| under nohup$", "", row.fault)
        faults[kind][found.get(str(row), {"result": "not run"})["result"]] += 1
    names = ("right", "wrong", "skipped", "not run")
    lines = [("fault", "rows", *names)]
    total = sum(faults.values(), collections.Counter())
    for kind, count in [*sorted(faults.items()), ("all", total)]:
        lines.append((kind, str(sum(count.values())), *(str(count[n]) for n in names)))
    return markdown_table(lines)
