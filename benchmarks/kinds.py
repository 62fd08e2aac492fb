"""Kinds of picture of one handwritten digit, as people hand them in: for tests alone.

    python -m benchmarks.kinds --data_path=mnist.npz --output=contact.png

draws a contact sheet, six pictures of each kind. Nothing may be trained or chosen on these
pictures: `benchmarks.pictures_study` judges by them.
"""

import io
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmarks import kinds_colours as colours
from benchmarks import kinds_photos as photos
from benchmarks import kinds_plain as plain
from benchmarks import kinds_refused as refused
from keras_pairs import data, files
from keras_pairs.commands import flags, runner
from keras_pairs.fields import new_file

# Group: functions of (glyph, rng); `kinds_photos` says what they give.
GROUPS = {
    "plain": (
        *(plain.black_on_white, plain.white_on_black, plain.thick_marker, plain.thin_pen),
        *(plain.coloured_ink_on_coloured_paper, plain.transparent_background),
        *(plain.grey_paper, plain.small_off_centre, plain.large, plain.jpeg_quality_30),
        *(plain.mnist_light_on_dark, plain.mnist_dark_on_light),
    ),
    "hard": (
        *(photos.pencil, photos.ruled_paper, plain.specks, photos.paper_on_table),
        *(photos.corner_shadow, photos.uneven_light, plain.mnist_on_grey_paper),
    ),
    "drawn": (
        *(plain.very_wide, plain.very_tall, plain.cropped_tightly, plain.form_field),
        *(plain.drawing_program, plain.finger_on_phone),
    ),
    "files": (
        *(plain.fax, plain.palette, plain.sixteen_bits, plain.twelve_of_sixteen_bits),
        plain.exif_rotated,
    ),
    "papers": (
        *(photos.graph_paper, photos.notebook_with_margin, photos.crumpled_paper),
        *(photos.recycled_paper, photos.kraft_cardboard, photos.sticky_note),
        *(photos.whiteboard, photos.blackboard, photos.chalk_on_pavement),
        *(photos.text_beside, photos.print_shining_through, photos.coffee_stain),
        *(photos.fold_lines, photos.thermal_receipt, colours.green_on_red),
        *(colours.light_ink_on_dark_paper, colours.ballpoint_twice, colours.highlighter),
    ),
    "camera": (
        *(photos.tilted_sheet, photos.edge_of_table, photos.motion_blur),
        *(photos.out_of_focus, photos.vignetting, photos.night_noise, photos.warm_lamp),
        *(photos.hand_shadow, photos.photo_of_screen),
    ),
}


def name(function):
    """What a function's kind is called."""
    return function.__name__.replace("_", " ")


# Name: function of (glyph, rng), in the groups' order.
KINDS = {name(function): function for group in GROUPS.values() for function in group}
# The same for what has to be refused; of two to four digits the function takes several.
REFUSED = {
    "blank": lambda glyphs, rng: refused.blank(rng),
    "noise": lambda glyphs, rng: refused.noise(rng),
    "no digit": lambda glyphs, rng: refused.no_digit(rng),
    "several digits": refused.several,
}
MOST_DIGITS = 4


def samples(kind, images, count, seed=0):
    """Pictures of one kind, each a file, from test images.

    A kind's pictures depend on the seed and its name alone: neither on the other kinds nor
    on how many are asked for.

    Args:
      kind: str, of `KINDS` or `REFUSED`.
      images: uint8 [N, 28, 28]; none is used twice where there are enough.
      count: int, how many pictures.
      seed: int.

    Yields:
      (bytes of a PNG or JPEG file, index of the digit in `images`). Of `REFUSED` the index
      means nothing.
    """
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    wanted = count * (1 if kind in KINDS else MOST_DIGITS)
    indices = np.resize(rng.permutation(len(images)), wanted)
    for i, part in enumerate(indices.reshape(count, -1)):
        own = np.random.default_rng([seed, zlib.crc32(kind.encode()), i])
        if kind in KINDS:
            picture = KINDS[kind](images[part[0]], own)
        else:
            picture = REFUSED[kind](images[part[: own.integers(2, MOST_DIGITS + 1)]], own)
        yield as_file(picture), part[0]


def as_file(picture):
    """The bytes of a file: what is none yet becomes a PNG."""
    return picture if isinstance(picture, bytes) else plain.png(Image.fromarray(picture))


CELL, COLUMNS, SHOWN, LABEL = 120, 2, 6, 18


def contact_sheet(images, kinds=(*KINDS, *REFUSED)):
    """A `PIL.Image` with six pictures of each kind."""
    lines = -(-len(kinds) // COLUMNS)
    wide, tall = CELL * SHOWN + LABEL, CELL + LABEL
    sheet = Image.new("RGB", (COLUMNS * wide, lines * tall), "white")
    pencil, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for i, kind in enumerate(kinds):
        left, top = i // lines * wide, i % lines * tall
        pencil.text((left + 2, top + 1), kind, "black", font)
        for j, (content, _) in enumerate(samples(kind, images, SHOWN)):
            shown = viewed(content)
            shown.thumbnail((CELL - 4, CELL - 4))
            sheet.paste(shown, (left + j * CELL, top + LABEL))
    return sheet


def viewed(content):
    """A file as a viewer shows it, `PIL.Image` in RGB: what is transparent is chequered."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if image.mode.startswith("I"):
        deep = np.asarray(image, "float32")
        return Image.fromarray(np.uint8(255 * deep / deep.max())).convert("RGB")
    if image.mode != "RGBA":
        return image.convert("RGB")
    y, x = np.ogrid[: image.height, : image.width]
    squares = Image.fromarray(np.uint8(150 + 40 * ((y // 12 + x // 12) % 2)))
    return Image.alpha_composite(squares.convert("RGBA"), image).convert("RGB")


FLAGS = {
    "data_path": flags.of_field("data_path"),
    "output": flags.Flag(new_file(".png"), "Where the contact sheet goes.", "contact.png"),
}


def main(values):
    images = data.load_images("mnist", values["data_path"].value)
    path = values["output"].value
    with files.atomic_write(path) as temporary:
        contact_sheet(images.x_test).save(temporary)
    runner.say(f"contact sheet: {path}")


def run():
    runner.run(main, __doc__, FLAGS, keras=False)


if __name__ == "__main__":
    run()
