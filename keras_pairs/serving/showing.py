"""A picture of how an answer came about: what `predict --show` writes."""

import numpy as np
from PIL import Image

from keras_pairs import plots
from keras_pairs.pictures import image_files
from keras_pairs.pictures.seen import opened

# Pixels; the given pictures are shown no larger.
SHOWN = 400
# As a share of a digit's longer side: between its ink and its frame.
MARGIN = 0.1
# In place of class probabilities that nothing was learned about.
UNTAUGHT = "not trained (w_a = 0)"


def show(pictures, model, path):
    """Draws what was given, the ink found, the digit in MNIST's form, and the answer.

        model = keras_pairs.load()
        pictures = [("first", "three.png"), ("second", "seven.jpg")]
        show(pictures, model, "why.png")

    Pictures that are refused are shown with the reason.

    Args:
      pictures: two of (name to show, path or `bytes` of PNG).
      model: `comparer.Comparer`.
      path: file to write (.png).

    Returns:
      `comparison.Comparison` of the one pair.

    Raises:
      UserError: if a picture cannot be read.
    """
    # Each is read once: a photo takes a second.
    pictures = [
        (name, image if isinstance(image, bytes) else image_files.read_png(image))
        for name, image in pictures
    ]
    names, files = zip(*pictures, strict=True)
    found = model.compare_files([files], [names])
    figure, grid = plots.subplots(2, 4, figsize=(12, 6.2))
    shares = [None, None]
    if found.reads_digits:
        shares = [found.first_digit[0], found.second_digit[0]]
    for row, (name, image), classes in zip(grid, pictures, shares, strict=True):
        _row(row, name, image, model.look(image, name), classes)
    for axes, title in zip(
        grid[0], ("given", "ink found", "in MNIST's form", "classes"), strict=True
    ):
        axes.set_title(title)
    if found.errors:
        figure.suptitle(plots.plain(found.errors[0]))
    else:
        verdict = "yes" if found.verdict[0] else "no"
        figure.suptitle(
            f"first digit <= second digit: {verdict} "
            f"(probability {found.probability[0]:.3f})"
        )
    plots.save(figure, path)
    return found


def _row(row, name, png, seen, classes):
    given, ink, form, bars = row
    with opened(png, name) as picture:
        picture = picture.convert("RGBA")
        picture.thumbnail((SHOWN, SHOWN))
        paper = Image.new("RGBA", picture.size, "white")
        paper.alpha_composite(picture)
    width, height = paper.size
    given.imshow(paper)
    top, left, bottom, right = seen.window * [height, width, height, width]
    given.plot(*_outline((top, left, bottom, right)), color=plots.PAPER)
    for box in seen.boxes[: seen.count] if seen.count > 1 else ():
        box = box * [height, width, height, width]
        given.plot(*_outline(_with_margin(box)), "--")
    # The window may reach beyond the picture.
    given.set(
        xlim=(min(0, left) - 2, max(width, right) + 2),
        ylim=(max(height, bottom) + 2, min(0, top) - 2),
        xlabel=plots.plain(name),
    )
    ink.imshow(255 - seen.ink, cmap="gray", vmin=0, vmax=255)
    form.imshow(255 - seen.image, cmap="gray", vmin=0, vmax=255)
    for axes in (given, ink, form):
        axes.set(xticks=[], yticks=[])
    if classes is None:
        bars.text(0.5, 0.5, UNTAUGHT, ha="center", va="center", transform=bars.transAxes)
        bars.set(xticks=[], yticks=[])
        return
    bars.bar(range(10), np.nan_to_num(classes), color=plots.OURS)
    bars.set(xticks=range(10), ylim=(0, 1))


def _with_margin(box):
    """A digit's box, so that its line does not lie on the ink."""
    margin = MARGIN * max(box[2] - box[0], box[3] - box[1])
    return box + margin * np.array([-1, -1, 1, 1])


def _outline(box):
    """The corners of a box, five across and five down."""
    top, left, bottom, right = box
    return [left, right, right, left, left], [top, top, bottom, bottom, top]
