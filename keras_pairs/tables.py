"""Tables in Markdown, aligned so that a terminal shows them as well."""

from keras_pairs.outputs import names


def markdown_table(lines):
    """Lists of cells, the header first, as Markdown that a terminal shows as well."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        " | ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    rule = "|".join("-" * (width + 1) + ":" for width in widths)
    return "\n".join([f"| {text[0]} |", f"|{rule}|", *(f"| {x} |" for x in text[1:]), ""])


def evaluation(rows):
    """Rows of `training.summary.summarize` as Markdown; beside the paper where one is."""
    others = [name for name in names()[1:] if name in rows[0]]
    compared = any(row["paper_mean"] is not None for row in rows)
    header = (
        *("nb_f", "lr", "batch", "w_a", "ours (%)"),
        *(("paper (%)", "difference", "Welch's t") if compared else ()),
        *("all test pairs (%)", "calibration error (%)"),
        *(f"{name.replace('_', ' ')} (%)" for name in others),
        "seconds",
    )
    lines = [header]
    for row in rows:
        beside = ("",) * 3 * compared
        if row["paper_mean"] is not None:
            papers = f"{row['paper_mean']:.2f} ± {row['paper_std']:.2f}"
            beside = papers, f"{row['difference']:+.2f}", f"{row['welch_t']:+.1f}"
        lines.append(
            (
                str(row["nb_f"]),
                f"{row['lr']:g}",
                str(row["batch_size"]),
                f"{row['w_a']:g}",
                f"{row['mean']:.2f} ± {row['std']:.2f}",
                *beside,
                f"{row['mean_of_all']:.2f} ± {row['std_of_all']:.2f}",
                f"{row['calibration_error']:.1f}",
                *(f"{row[name]:.1f}" for name in others),
                f"{row['seconds']:.0f}",
            )
        )
    return markdown_table(lines)
