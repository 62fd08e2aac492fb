"""Tables of accuracies over rounds, from what `evaluate` and `benchmarks.studies` leave."""

import json
import statistics

from keras_pairs import paper, tables


def read(path):
    """What a result file holds, a dict."""
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(path):
    """The rows of a result file, a list of dicts."""
    return read(path)["rows"]


def named(rows):
    """Rows by the name that the study gave them; those of `evaluate` by their place."""
    names = (row.get("name", number) for number, row in enumerate(rows))
    return {
        tuple(name) if isinstance(name, list) else name: row
        for name, row in zip(names, rows, strict=True)
    }


def evaluation(path):
    """All columns of `keras_pairs.evaluate`, from its results.json.

    Welch's t is reckoned anew: a file may be older than what is known of the paper's
    deviations.
    """
    from keras_pairs.training.summary import paper_t

    rows = rows_of(path)
    for row in rows:
        if row["paper_mean"] is not None:
            theirs = paper.row_of(row["nb_f"], row["w_a"] > 0)
            row["welch_t"] = paper_t(row["mean"], row["std"], row["rounds"], theirs)
    return tables.evaluation(rows)


def gain(path):
    """Accuracy without and with auxiliary loss, from `evaluate --table1`'s results.json."""
    lines = [("nb_f", "without auxiliary loss (%)", "with it (%)", "gain (points)")]
    rows = rows_of(path)
    for without, with_ in zip(rows[::2], rows[1::2], strict=True):
        both = [f"{row['mean']:.1f} ± {row['std']:.1f}" for row in (without, with_)]
        difference = with_["mean"] - without["mean"]
        lines.append((str(with_["nb_f"]), *both, f"{difference:+.1f}"))
    return tables.markdown_table(lines)


def seeds(path):
    """The lowest and highest round of each row, from `evaluate`'s results.json.

    On the paper's test pairs and on all.
    """
    lines = [("nb_f", "w_a", "lowest (%)", "highest (%)", "difference")]
    lines[0] += ("of all: lowest (%)", "highest (%)", "difference")
    for row in rows_of(path):
        shown = [str(row["nb_f"]), f"{row['w_a']:g}"]
        for found in (row["accuracies"], row["accuracies_of_all"]):
            low, high = min(found), max(found)
            shown += [f"{low:.1f}", f"{high:.1f}", f"{high - low:.1f}"]
        lines.append(shown)
    return tables.markdown_table(lines)


def study(name):
    """A function from the results.json of `benchmarks.studies` to that study's table."""

    def tabulate(path):
        from benchmarks import studies

        lines = studies.STUDIES[name].tabulate(named(rows_of(path)))
        return tables.markdown_table(lines)

    return tabulate


def choice(path):
    """What there is to choose a preset by, from the results.json of `accuracy`."""
    from benchmarks import studies

    heading, *rows = studies.tabulate_accuracy(named(rows_of(path)))
    shown = ("preset", "test (%)", "minutes a round", "saved_model.pb (MB)", "ms a pair")
    columns = [heading.index(name) for name in shown]
    return tables.markdown_table([[row[i] for i in columns] for row in (heading, *rows)])


def sharing_or_loss(path):
    """Accuracies with neither, either and both, from the results.json of `sharing`."""
    found = named(rows_of(path))
    lines = [("nb_f", "neither (%)", "the loss (%)", "sharing (%)", "both (%)")]
    for nb_f in sorted({nb_f for nb_f, _, _ in found}):
        sides = [(nb_f, w_a, shares) for shares in (False, True) for w_a in (0.0, 1.0)]
        means = [f"{found[side]['mean_of_all']:.1f}" for side in sides]
        lines.append((str(nb_f), *means))
    return tables.markdown_table(lines)


def last_epochs(path):
    """Table I's rows at the last epoch: ours, and the authors' by their logs.

    Ours is the results.json of `evaluate --table1`, theirs authors.json of `departures`, a
    folder beside that one.
    """
    from scipy.stats import ttest_ind

    lines = [
        ("nb_f", "w_a", "ours (%)", "the authors' (%)", "difference", "Welch's t", "p")
    ]
    theirs = rows_of(path.parent.parent / "departures" / "authors.json")
    for row, other in zip(rows_of(path), theirs, strict=True):
        if [row[name] for name in paper.GRID] != [other[name] for name in paper.GRID]:
            raise ValueError(f"{row['nb_f']} beside {other['nb_f']}")
        both = row["accuracies"], other["last_epoch"]
        shown = [f"{statistics.mean(x):.2f} ± {statistics.stdev(x):.2f}" for x in both]
        test = ttest_ind(*both, equal_var=False)
        difference = statistics.mean(both[0]) - statistics.mean(both[1])
        rest = f"{difference:+.2f}", f"{test.statistic:+.1f}", f"{test.pvalue:.3f}"
        lines.append((str(row["nb_f"]), f"{row['w_a']:g}", *shown, *rest))
    return tables.markdown_table(lines)


def ladder(path):
    """From the paper's network to `committee`, from the results.json of `accuracy`.

    Those of `sharing` lie in the folder beside that one.
    """
    from benchmarks.studies import shown

    shared = named(rows_of(path.parent.parent / "sharing" / path.name))
    found = named(rows_of(path))
    steps = {
        "the paper's, 64 filters with the loss": shared[64, 1.0, False],
        "with weight sharing: preset `shared`": shared[64, 1.0, True],
        "the same with 16 filters": shared[16, 1.0, True],
        **{f"preset `{name}`": found[name] for name in ("best", "committee")},
    }
    lines = [("network", "all test pairs (%)")]
    lines += [(name, shown(row, "_of_all")) for name, row in steps.items()]
    return tables.markdown_table(lines)


def grid_best(path):
    """Ten rounds of a search's best points, beside the paper's row of that width."""
    from benchmarks.studies import shown
    from keras_pairs.training.summary import paper_t

    lines = [("nb_f", "lr", "batch", "w_a", "ours (%)", "all test pairs (%)")]
    lines[0] += ("the paper's lr", "batch", "w_a", "paper (%)", "Welch's t")
    for row in rows_of(path):
        theirs = paper.row_of(row["nb_f"], row["w_a"] > 0)
        point = (str(row["nb_f"]), f"{row['lr']:g}", str(row["batch_size"]))
        point += (f"{row['w_a']:g}", shown(row), shown(row, "_of_all"))
        other = (f"{theirs.lr:g}", str(theirs.batch_size), f"{theirs.w_a:g}")
        t = paper_t(row["mean"], row["std"], row["rounds"], theirs)
        lines.append((*point, *other, theirs.shown(), f"{t:+.1f}"))
    return tables.markdown_table(lines)
