"""A report on a search: tables and pictures of what its folder holds."""

import numpy as np

from keras_pairs import files
from keras_pairs.commands.flags import shown
from keras_pairs.tables import markdown_table
from tuner import (
    curves,
    hparams,
    importance,
    looking,
    places,
    plots,
    project,
    results,
    rows,
    space,
)
from tuner.space import BEST_SCORE, SCORE

REPORT, ORIGIN = "report.md", "origin.json"
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
    trials = rows.of_trials(grid, search.outcomes)
    points = results.update(trials, grid, record, folder)
    done = rows.completed_of(points)
    done.sort(key=lambda row: (-row[SCORE], int(row["trial"])))
    title = results.title(grid, record)
    parts = [f"# Search: {title}", f"```\n{looking.describe(search)}\n```"]
    if done:
        parts += [results.markdown(rows.select(points), record).strip()]
        parts += [f"![accuracy over the grid]({places.PICTURE})"]
        what = "points" if grid.rounds > 1 else "trials"
        parts += [f"## The best {what}", _best(done[:BEST], grid, record)]
        parts += _curves(search, done[:BEST_CURVES], title, folder)
        if not record["halving"]:
            # Those that were left out had fewer epochs.
            parts += _importance(done, grid, title, folder)
    failed = [row for row in trials if row["status"] == "FAILED"]
    if failed:
        parts += ["## Failed", results.failures(failed, grid)]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    files.write_text(folder / REPORT, text)
    files.write_json(folder / ORIGIN, _origin(search))
    if done:
        hparams.write(trials, grid.searched, folder / places.HPARAMS)
    return text


def _origin(search):
    """Where the figures come from, for whoever gets the report."""
    found = files.read_origin(search.run_dir / project.RECORD)
    counts = {status.lower(): len(search.with_status(status)) for status in space.ENDED}
    seconds = search.pulse["used_s"] if search.pulse else None
    return {"points": len(search.grid.points), **counts, "seconds": seconds, **found}


def _best(points, grid, record):
    best = results.best_epoch(record)
    trial = "first trial" if grid.rounds > 1 else "trial"
    lines = [(trial, *grid.searched, "accuracy (%)", *best, "training (%)")]
    names = (*[BEST_SCORE for _ in best], SCORE.removeprefix("val_"))
    for row in points:
        point = (shown(row[name]) for name in grid.searched)
        scores = (f"{100 * row[name]:.1f}" for name in names)
        lines.append((row["trial"], *point, rows.percent(row), *scores))
    return markdown_table(lines)


def _curves(search, points, title, folder):
    grid = search.grid
    several = [name for name, values in grid.searched.items() if len(values) > 1]
    axes = several or [*grid.searched]
    drawn = []
    for row in points:
        curve = _mean_curve(search, row)
        if curve:
            drawn.append((f"{rows.percent(row)} %: {space.text(row, axes, ' ')}", curve))
    if not drawn:
        return ["The trials kept no learning curves that can be read."]
    plots.plot_curves(drawn, f"The best of {title}", folder / "curves.png")
    return ["![learning curves of the best](curves.png)"]


def _mean_curve(search, row):
    """The mean of a point's rounds; None where a curve is missing or not as long."""
    same = [
        i
        for i, point in enumerate(search.grid.points)
        if all(point[name] == row[name] for name in search.grid.searched)
    ]
    found = [
        curves.read(places.trial_folder(search.run_dir, space.trial_id(i))) for i in same
    ]
    if None in found or len({len(curve[SCORE]) for curve in found}) > 1:
        return None
    return {
        name: np.mean([curve[name] for curve in found], axis=0) for name in curves.COLUMNS
    }


def _importance(points, grid, title, folder):
    found = importance.analyse(grid.searched, [(row, row[SCORE]) for row in points])
    heading = "## What matters"
    if found is None:
        return [
            heading,
            "Too few trials have completed to tell, all are alike, or no flag has "
            "several values.",
        ]
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
