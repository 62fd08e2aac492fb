"""Sides that are compared width by width, some of which need a package of their own."""

import importlib.util
import os

from keras_pairs import data, files, tables
from keras_pairs.commands import runner
from keras_pairs.fields import Kind


def width_of(known):
    """The `Kind` of a flag that takes some of the widths `known`."""
    rule = f"one of {', '.join(map(str, known))}"
    return Kind(int, lambda value: value in known, rule, "an integer")


def installed(package):
    """Whether a package is there; None is what needs no package."""
    return package is None or importlib.util.find_spec(package) is not None


def origin(**known):
    """What a results.json says of its figures beside them, and `known`."""
    found = {"dataset": data.load_images("digits").describe(), **known}
    found |= files.provenance()
    if narrower := os.environ.get("ONEDNN_MAX_CPU_ISA"):
        found["machine"] += f" of which {narrower} is used"
    return found


def measure(values, name, packages, measure_one, tabulate, **known):
    """Measures each width, shows a table, and keeps what was found in results.json.

    Args:
      values: of the command line: `nb_f`, several, and `run_dir`.
      name: str, of the benchmark.
      packages: dict, a side's name → the package that it needs, or None.
      measure_one: function of nb_f that gives rows.
      tabulate: function of rows that gives the lines of a table.
      known: more that the file says.
    """
    for side, package in packages.items():
        if not installed(package):
            runner.say(f"{side} is left out: pip install {package}")
    run_dir = files.make_run_dir(values["run_dir"].value, name)
    about, rows, load = origin(**known), [], []
    for nb_f in values["nb_f"].value:
        rows += measure_one(nb_f)
        load.append(os.getloadavg()[0])
        # After each width, since the widest take long.
        files.write_json(run_dir / "results.json", {"rows": rows, "load": load, **about})
    runner.say(tables.markdown_table(tabulate(rows)))
    runner.say(f"run folder: {runner.relative(run_dir)}")
