"""Fills the tables of the pages from result files, and draws the rooms of the code.

    python -m docs.build            # writes the pages and docs/rooms.svg
    python -m docs.build --check    # exit code 1 where one differs from what it would be

A page says where a table goes, of which kind it is, and from which file beside the page:

    <!-- table: evaluation results.json -->
    <!-- /table -->

What stands between the two lines is replaced. The kinds are the keys of `KINDS`.
"""

import csv
import importlib
import json
import pathlib
import re
import statistics
import sys

from docs import rooms
from keras_pairs import tables

ROOT = pathlib.Path(__file__).parent.parent
TABLE = re.compile(r"(<!-- table: (\S+) (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def evaluation(path):
    """All columns of `keras_pairs.evaluate`, from its results.json."""
    return tables.evaluation(_rows(path))


def gain(path):
    """Accuracy without and with auxiliary loss, from `evaluate --table1`'s results.json."""
    lines = [("nb_f", "w_a = 0 (%)", "with auxiliary loss (%)", "gain")]
    rows = _rows(path)
    for without, with_ in zip(rows[::2], rows[1::2], strict=True):
        both = [f"{row['mean']:.1f} ± {row['std']:.1f}" for row in (without, with_)]
        difference = with_["mean"] - without["mean"]
        lines.append((str(with_["nb_f"]), *both, f"{difference:+.1f}"))
    return tables.markdown_table(lines)


def study(name):
    """A function from the results.json of `benchmarks.studies` to that study's table."""

    def tabulate(path):
        from benchmarks import studies

        lines = studies.STUDIES[name].tabulate(_named(_rows(path)))
        return tables.markdown_table(lines)

    return tabulate


def sources(path):
    """What `--dataset` takes, from the rows of `keras_pairs.data.SOURCES`; no file."""
    from keras_pairs.data import SOURCES

    lines = ["| flags | images |", "|:------|:-------|"]
    for name, source in SOURCES.items():
        example = f" --data_path={source.path}" if source.needs_path else ""
        lines.append(f"| `--dataset={name}{example}` | {source.about} |")
    return "\n".join([*lines, ""])


def load(path):
    """What a server answers, from the results.json of that benchmark."""
    from benchmarks.load import page

    return page(_json(path))


def score(path):
    """Accuracies of a published model, from the results.json of `keras_pairs.score`."""
    found = _json(path)
    shares = {f"accuracy of {name}": x for name, x in found["accuracy"].items()}
    shares["calibration error"] = found["calibration_error"]
    lines = [(f"on {found['pairs']:,} test pairs", "%")]
    lines += [(name, f"{100 * share:.2f}") for name, share in shares.items()]
    return tables.markdown_table(lines)


def pictures(path):
    """Shares read by kind of picture, from results of `benchmarks.pictures_study`.

    What was read before there was an ink network stands in before.json, beside `path`.
    """
    from benchmarks import pictures_study

    rows, before = _rows(path), _rows(path.with_name("before.json"))
    for row, old in zip(rows, before, strict=True):
        if row["kind"] != old["kind"]:
            raise ValueError(f"{row['kind']} beside {old['kind']}")
        (first,), (second,) = old["models"].values(), row["models"].values()
        row["models"] = {"before": first, "now": second}
    return tables.markdown_table(pictures_study.tabulate(rows, ["before", "now"]))


def table_of(benchmark, name, *options):
    """A function from the results.json of a benchmark to one of its tables."""

    def tabulate(path):
        module = importlib.import_module(f"benchmarks.{benchmark}")
        return tables.markdown_table(getattr(module, name)(_json(path), *options))

    return tabulate


def ink_training(path):
    """Size and duration of an ink network's training, and what it reached, from its run."""
    found = _json(path)
    lines = [
        ("parameters", f"{found['parameters']:,}"),
        ("epochs", str(found["config"]["epochs"])),
        ("minutes", f"{found['minutes']:.0f}"),
        ("seed", str(found["config"]["seed"])),
    ]
    for view, measured in found["validation"].items():
        lines += [(f"{view}: {name}", f"{value:.3f}") for name, value in measured.items()]
    return tables.markdown_table([("ink network", ""), *lines])


def rows_of(name):
    """A function from a results.json to the table that its benchmark shows."""

    def tabulate(path):
        benchmark = importlib.import_module(f"benchmarks.{name}")
        return tables.markdown_table(benchmark.tabulate(_rows(path)))

    return tabulate


def faults(path):
    """How many rows of the table of faults were right, from the file that it writes."""
    from tests.faults import results

    return results.tabulate(results.read(path))


def origin(path):
    """Data, commit, versions and machine behind any results.json."""
    found = _json(path)
    versions = found["versions"]
    data = found.get("dataset") or found.get("config", {}).get("dataset")
    names = [n for n in ("tensorflow", "keras", "jax", "python") if n in versions]
    # One that went on elsewhere has several.
    parts = found.get("trained", [found])
    code = [(part["commit"] or "unknown")[:7] for part in parts]
    if len(parts) > 1:
        code = [
            f"{c} ({p['trainings']} trainings)" for c, p in zip(code, parts, strict=True)
        ]
    lines = [
        f"- code: commit {', then '.join(code)}",
        f"- versions: {', '.join(f'{name} {versions[name]}' for name in names)}",
        f"- machine: {'; then '.join(dict.fromkeys(part['machine'] for part in parts))}",
        "",
    ]
    if data:
        counts = f"{data['train_images']:,} training and {data['test_images']:,}"
        lines.insert(0, f"- data: {data['name']}, {counts} test images")
    return "\n".join(lines)


def search(path):
    """The selected rows of a search, from its results.csv."""
    from tuner import results, rows

    text = results.markdown(rows.select(_csv(path)), {"validation": "validation"})
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith("|"))


def search_summary(path):
    """How well the trials of a search did, from its results.csv."""
    lines = [("nb_f", "w_a > 0", "trials", "lowest (%)", "median (%)", "best (%)")]
    lines[0] += ("seconds each",)
    rows = [row for row in _csv(path) if row["status"] == "COMPLETED"]
    for nb_f in sorted({row["nb_f"] for row in rows}):
        for auxiliary in (False, True):
            some = [r for r in rows if r["nb_f"] == nb_f and (r["w_a"] > 0) == auxiliary]
            if not some:
                continue
            found = [100 * row["val_comparison_accuracy"] for row in some]
            shown = (min(found), statistics.median(found), max(found))
            shown += (statistics.mean(row["seconds"] for row in some),)
            names = f"{nb_f:g}", "yes" if auxiliary else "no", str(len(some))
            lines.append((*names, *(f"{value:.1f}" for value in shown)))
    return tables.markdown_table(lines)


KINDS = {
    "evaluation": evaluation,
    "gain": gain,
    "auxiliary": study("auxiliary"),
    "presets": study("presets"),
    "accuracy": study("accuracy"),
    "sharing": study("sharing"),
    "ablation": study("ablation"),
    "committees": rows_of("committees"),
    "departures": rows_of("departures"),
    "load": load,
    "score": score,
    "pictures": pictures,
    "ink": table_of("ink", "tabulate"),
    "ink-training": ink_training,
    "certainty": table_of("ink", "tabulate_certainty", "certainty"),
    "certainty-of-digits": table_of("ink", "tabulate_certainty", "certainty_of_digits"),
    "epochs-of-13": table_of("search", "tabulate_epochs"),
    "trials-per-hour": table_of("search", "tabulate"),
    "soak": table_of("soak", "tabulate"),
    "sources": sources,
    "picture-costs": rows_of("pictures"),
    "fuzz": rows_of("fuzz"),
    "peers": rows_of("peers"),
    "gpu": table_of("gpu", "tabulate"),
    "gpu-grid": table_of("gpu", "tabulate_grid"),
    "tuners": rows_of("tuners"),
    "halving": rows_of("halving"),
    "training": rows_of("train"),
    "population": rows_of("population"),
    "adam": rows_of("adam"),
    "memory": rows_of("memory"),
    "serving": rows_of("serving"),
    "answer-steps": table_of("serving", "tabulate_steps"),
    "faults": faults,
    "origin": origin,
    "search": search,
    "search-summary": search_summary,
}


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


def _json(path):
    return json.loads(_text(path))


def _rows(path):
    return _json(path)["rows"]


def _named(rows):
    """Rows by the name that the study gave them; those of `evaluate` by their place."""
    names = (row.get("name", number) for number, row in enumerate(rows))
    return {
        tuple(name) if isinstance(name, list) else name: row
        for name, row in zip(names, rows, strict=True)
    }


def _csv(path):
    """Rows with numbers as float, and None where a cell is empty."""

    def value(text):
        try:
            return float(text)
        except ValueError:
            return text or None

    with open(path, newline="", encoding="utf-8") as file:
        return [{k: value(v) for k, v in row.items()} for row in csv.DictReader(file)]


def main(arguments):
    """Writes the pages, or with --check tells which differ; returns the exit code."""
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
            path.write_text(wanted[path], encoding="utf-8")
            print(f"{name} written")
    return 1 if arguments and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
