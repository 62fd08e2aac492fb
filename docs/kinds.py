"""The kinds of tables in the pages: functions from a result file to text."""

import csv
import importlib
import statistics

from docs import rounds, runs
from docs.reference import fields, reference
from keras_pairs import paper, tables


def _csv(path):
    """Rows with numbers as float, and None where a cell is empty."""

    def value(text):
        try:
            return float(text)
        except ValueError:
            return text or None

    with open(path, newline="", encoding="utf-8") as file:
        return [{k: value(v) for k, v in row.items()} for row in csv.DictReader(file)]


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

    return page(rounds.read(path))


def score(path):
    """Accuracies of a published model, from the results.json of `keras_pairs.score`."""
    found = rounds.read(path)
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

    rows, before = rounds.rows_of(path), rounds.rows_of(path.with_name("before.json"))
    for row, old in zip(rows, before, strict=True):
        if row["kind"] != old["kind"]:
            raise ValueError(f"{row['kind']} beside {old['kind']}")
        (first,), (second,) = old["models"].values(), row["models"].values()
        row["models"] = {"before": first, "now": second}
    return tables.markdown_table(pictures_study.tabulate(rows, ["before", "now"]))


def _joined(path):
    """A results.json with the rows of files beside it, of the same code and machine.

    again.json measured a width of it again, wide.json has further ones.
    """
    found = rounds.read(path)
    for name in ("again.json", "wide.json"):
        other = rounds.read(path.with_name(name))
        for key in ("machine", "commit"):
            if other[key] != found[key]:
                raise ValueError(f"{name}: {other[key]} beside {found[key]}")
        found["rows"] += other["rows"]
    return found


def table_of(read, benchmark, name="tabulate", *options):
    """A function from the results.json of a benchmark to one of its tables.

    Args:
      read: function of the file's path: what the benchmark's function takes.
      benchmark: str, a module of `benchmarks`.
      name: str, that function.
      options: what it takes besides.
    """

    def tabulate(path):
        module = importlib.import_module(f"benchmarks.{benchmark}")
        return tables.markdown_table(getattr(module, name)(read(path), *options))

    return tabulate


def ink_training(path):
    """Size and duration of an ink network's training, and what it reached, from its run."""
    found = rounds.read(path)
    lines = [
        ("parameters", f"{found['parameters']:,}"),
        ("epochs", str(found["config"]["epochs"])),
        ("minutes", f"{found['minutes']:.0f}"),
        ("seed", str(found["config"]["seed"])),
    ]
    for view, measured in found["validation"].items():
        lines += [(f"{view}: {name}", f"{value:.3f}") for name, value in measured.items()]
    return tables.markdown_table([("ink network", ""), *lines])


def faults(path):
    """How many rows of the table of faults were right, from the file that it writes."""
    from tests.faults import results

    return results.tabulate(results.read(path))


def origin(path):
    """Data, commit, versions and machine behind any results.json."""
    found = rounds.read(path)
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


def grid_agreement(path):
    """How alike a search of the paper's grid and the authors' rank its points.

    From the search's results.csv, and from authors.json of `departures`, which see.
    """
    from scipy.stats import spearmanr

    from benchmarks.authors import POINTS

    rows = _csv(path)
    (nb_f,) = {row["nb_f"] for row in rows}
    found = rounds.read(path.parents[2] / "departures" / "authors.json")
    points = dict(zip(POINTS, found["grids"][f"{nb_f:g}"], strict=True))
    rows = [row for row in rows if row["status"] == "COMPLETED"]
    lines = [("w_a > 0", "points", "Spearman's ρ", "rank here of Table I's point")]
    for auxiliary in (False, True):
        those = [row for row in rows if (row["w_a"] > 0) == auxiliary]
        ours = [row["val_comparison_accuracy"] for row in those]
        theirs = [points[row["batch_size"], row["lr"], row["w_a"]] for row in those]
        point = paper.row_of(nb_f, auxiliary).point()
        (chosen,) = (
            score
            for score, row in zip(ours, those, strict=True)
            if point.items() <= row.items()
        )
        rank = 1 + sum(score > chosen for score in ours)
        names = "yes" if auxiliary else "no", str(len(those))
        lines.append((*names, f"{spearmanr(ours, theirs).statistic:.2f}", str(rank)))
    return tables.markdown_table(lines)


def importance_by_width(folder):
    """What matters in the searches of a folder, each in a folder named by its width."""
    widths = sorted(int(path.parent.name) for path in folder.glob("*/importance.csv"))
    found = [
        {row["axis"]: row["share"] for row in _csv(folder / str(w) / "importance.csv")}
        for w in widths
    ]
    lines = [("share of the variance (%)", *(f"{w} filters" for w in widths))]
    for axis in found[0]:
        lines.append((axis, *(f"{100 * shares[axis]:.1f}" for shares in found)))
    return tables.markdown_table(lines)


# Benchmarks that make one table, of the rows that they keep.
ONE_TABLE = ("adam", "authors", "committees", "departures", "few", "fuzz", "halving")
ONE_TABLE += ("memory", "peers", "population", "serving", "tuners")
KINDS = {
    **{name: table_of(rounds.rows_of, name) for name in ONE_TABLE},
    "evaluation": rounds.evaluation,
    "gain": rounds.gain,
    "seeds": rounds.seeds,
    "auxiliary": rounds.study("auxiliary"),
    "presets": rounds.study("presets"),
    "accuracy": rounds.study("accuracy"),
    "choice": rounds.choice,
    "sharing": rounds.study("sharing"),
    "sharing-or-loss": rounds.sharing_or_loss,
    "ladder": rounds.ladder,
    "last-epochs": rounds.last_epochs,
    "ablation": rounds.study("ablation"),
    "load": load,
    "score": score,
    "pictures": pictures,
    "ink": table_of(rounds.read, "ink"),
    "ink-training": ink_training,
    "certainty": table_of(rounds.read, "ink", "tabulate_certainty", "certainty"),
    "epochs-of-13": table_of(rounds.read, "search", "tabulate_epochs"),
    "trials-per-hour": table_of(rounds.read, "search"),
    "runs-of-searches": runs.searches,
    "runs-of-peers": runs.peers,
    "runs-of-halving": runs.halving,
    "hours-of-the-grid": table_of(_joined, "hours"),
    "soak": table_of(rounds.read, "soak"),
    "sources": sources,
    "reference": reference,
    "fields": fields,
    "picture-costs": table_of(rounds.rows_of, "pictures"),
    "gpu": table_of(rounds.read, "gpu"),
    "gpu-grid": table_of(rounds.read, "gpu", "tabulate_grid"),
    "training": table_of(rounds.rows_of, "train"),
    "answer-steps": table_of(rounds.read, "serving", "tabulate_steps"),
    "faults": faults,
    "origin": origin,
    "search-summary": search_summary,
    "importance-by-width": importance_by_width,
    "grid-agreement": grid_agreement,
    "grid-best": rounds.grid_best,
}
