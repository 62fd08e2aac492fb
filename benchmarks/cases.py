"""Cases that are measured one after another, some of them against a bound."""

from benchmarks.bounds import Bounds
from keras_pairs import files, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.progress import Progress

FLAGS = flags.others("run_dir")


def found_in(path, images):
    """What a results.json holds that a benchmark goes on with; {} where there is none.

    Args:
      path: Path.
      images: `data.Images` that it must be of, wherever they lie.

    Raises:
      UserError: if it is of other images, or it is not such a file.
    """
    try:
        found = files.read_json(path)
        digest, _ = found["dataset"]["sha256"], list(found["rows"])
    except FileNotFoundError:
        return {}
    except files.UNREADABLE as error:
        raise UserError(f"{path}: not readable; use a new --run_dir") from error
    if digest != images.digest:
        raise UserError(f"{path}: of other images; use a new --run_dir")
    return found


def begun(path, images):
    """What a results.json holds and will hold, with today's provenance: see `count`.

    Args:
      path, images: as of `found_in`.

    Raises:
      UserError: as `found_in`; if the file does not say which code its rows are of.
    """
    new = {"rows": [], "trained": [], "dataset": images.describe()}
    found = new | found_in(path, images) | files.provenance()
    if found["rows"] and not found["trained"]:
        raise UserError(f"{path}: of another version; use a new --run_dir")
    return found


def count(found):
    """Counts a training in a results.json, for the code and machine of today.

    Args:
      found: dict, of `begun`. Its `trained` is a list of dicts that say how many
        `trainings` which code made on which machine.
    """
    today = {name: found[name] for name in ("versions", "commit", "machine")}
    trained = found["trained"]
    if not trained or {**trained[-1], "trainings": 0} != {**today, "trainings": 0}:
        trained.append({"trainings": 0, **today})
    trained[-1]["trainings"] += 1


def go_on(values, name, images, wanted, measure, tabulate):
    """Measures the cases that a results.json lacks, keeps each, and shows all as a table.

    Args:
      values: of the command line: `run_dir`.
      name: str, of the benchmark.
      images: `data.Images` that the file must be of.
      wanted: list of dicts: what a row is known by, and what `measure` is called with.
      measure: function of `images` and these as keywords, that gives the rest of a row.
      tabulate: function of rows that gives the lines of a table.

    Raises:
      UserError: as `begun`; if the file has rows of another form.
    """
    path = files.make_run_dir(values["run_dir"].value, name) / "results.json"
    found = begun(path, images)
    rows = found["rows"]
    try:
        tabulate(rows)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: of another version; use a new --run_dir") from error
    todo = [case for case in wanted if not any(case.items() <= row.items() for row in rows)]
    progress = Progress(len(todo), name, verbose=bool(todo))
    for done, case in enumerate(todo, 1):
        rows.append(case | measure(images, **case))
        count(found)
        files.write_json(path, found)
        progress.show(done)
    runner.say(tables.markdown_table(tabulate(rows)))
    runner.say(f"results: {runner.relative(path)}")


def keep(values, name, rows, count, tabulate, **known):
    """Keeps rows in a results.json as they come, and shows them as a table.

    Args:
      values: of the command line: `run_dir`.
      name: str, of the benchmark.
      rows: iterable of dicts for JSON; those that have a bound, `at_most`, have `what` and
        `ratio` besides.
      count: int, how many rows there will be.
      tabulate: function of rows that gives the lines of a table.
      known: more that the file says.

    Raises:
      UserError: in the end, where bounds were broken, with all of them.
    """
    run_dir = files.make_run_dir(values["run_dir"].value, name)
    found = {"rows": [], **known, **files.provenance()}
    progress, bounds = Progress(count, name), Bounds()
    for row in rows:
        found["rows"].append(row)
        files.write_json(run_dir / "results.json", found)
        progress.show(len(found["rows"]))
        if "at_most" in row:
            bounds.at_most(row["what"], row["ratio"], row["at_most"])
    runner.say(tables.markdown_table(tabulate(found["rows"])))
    runner.say(f"results: {runner.relative(run_dir / 'results.json')}")
    bounds.check()


def drawn_zero():
    """A drawing of a zero, `PIL.Image.Image` of 280×280."""
    from PIL import Image, ImageDraw

    drawing = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(drawing).ellipse([60, 40, 200, 240], outline=0, width=20)
    return drawing
