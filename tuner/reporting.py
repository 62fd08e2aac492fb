"""A report on a search: tables and pictures of what its folder holds."""

from keras_pairs import files
from keras_pairs.commands.flags import shown
from keras_pairs.tables import markdown_table
from tuner import curves, hparams, importance, looking, plots, results
from tuner.space import BEST_SCORE, SCORE

REPORT = "report.md"
BEST, BEST_CURVES = 20, 10


def write(search, folder):
    """Writes a report into a folder.

    Args:
      search: `looking.Search`.
      folder: Path, existing.

    Returns:
      str, the text of report.md.

    Raises:
      OSError: if a file cannot be written.
    """
    grid, record = search.grid, search.record
    found = results.rows(grid, search.outcomes)
    results.update(found, grid, record, folder)
    done = [row for row in found if row["status"] == "COMPLETED"]
    done.sort(key=lambda row: (-row[SCORE], row["trial"]))
    title = results.title(grid, record)
    parts = [f"# Search: {title}", f"```\n{looking.describe(search)}\n```"]
    if done:
        parts += [results.markdown(results.select(found), record).strip()]
        parts += [f"![accuracy over the grid]({results.PICTURE})"]
        parts += ["## The best trials", _best(done[:BEST], grid)]
        parts += _curves(search, done[:BEST_CURVES], title, folder)
        parts += _importance(done, grid, title, folder)
    failed = [row for row in found if row["status"] == "FAILED"]
    if failed:
        parts += ["## Failed", results.failures(failed, grid)]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    files.write_text(folder / REPORT, text)
    if done:
        hparams.write(found, grid.axes, folder / "hparams")
    return text


def _best(rows, grid):
    lines = [("trial", *grid.axes, "accuracy (%)", "best epoch (%)", "training (%)")]
    training = SCORE.removeprefix("val_")
    for row in rows:
        point = (shown(row[name]) for name in grid.axes)
        scores = (f"{100 * row[name]:.1f}" for name in (SCORE, BEST_SCORE, training))
        lines.append((row["trial"], *point, *scores))
    return markdown_table(lines)


def _curves(search, rows, title, folder):
    axes = [name for name, values in search.grid.axes.items() if len(values) > 1]
    drawn = []
    for row in rows:
        curve = curves.read(search.run_dir / f"trial_{row['trial']}")
        if curve:
            where = " ".join(f"{name}={shown(row[name])}" for name in axes)
            drawn.append((f"{100 * row[SCORE]:.1f} %: {where}", curve))
    if not drawn:
        return ["The trials are of an older version and kept no learning curves."]
    plots.plot_curves(drawn, f"The best of {title}", folder / "curves.png")
    return ["![learning curves of the best](curves.png)"]


def _importance(rows, grid, title, folder):
    scored = [({name: row[name] for name in grid.axes}, row[SCORE]) for row in rows]
    found = importance.analyse(grid.axes, scored)
    heading = "## What matters"
    if found is None:
        return [heading, "Too few trials have completed to tell, or all are alike."]
    shares = [*found.main.items(), *sorted(found.pairs.items(), key=lambda x: -x[1])]
    shares = [(n if isinstance(n, str) else " × ".join(n), share) for n, share in shares]
    rest = 1 - sum(share for _, share in shares)
    shares.append(("three axes and more", max(0.0, rest)))
    table = [("axis", "share of the variance (%)")]
    table += [(name, f"{100 * share:.1f}") for name, share in shares]
    files.write_csv(
        folder / "importance.csv", [{"axis": n, "share": f"{s:.6f}"} for n, s in shares]
    )
    plots.plot_importance(found, f"What matters, {title}", folder / "importance.png")
    parts = [heading, found.method(), markdown_table(table)]
    parts += ["![shares of the variance](importance.png)"]
    if found.pairs:
        about = f"Mean accuracy (%) over all else, {title}"
        plots.plot_interactions(found, about, folder / "interactions.png")
        parts += ["![mean accuracy over pairs of axes](interactions.png)"]
    return parts
