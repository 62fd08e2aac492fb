"""Which files are read, which way up, and which PNGs are handed on as they are."""

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from keras_pairs.pictures import image_files
from keras_pairs.pictures.image_files import KEPT_SIDE, read_png
from tests.helpers import png
from tests.picture_files import (
    chunk,
    drawing,
    heif,
    held,
    opened,
    pixels,
    png_of,
    read,
    require,
)

T = Image.Transpose
# Exif's number: what brings a scene to what a camera held that way stores of it.
STORED = {
    1: None,
    2: T.FLIP_LEFT_RIGHT,
    3: T.ROTATE_180,
    4: T.FLIP_TOP_BOTTOM,
    5: T.TRANSPOSE,
    6: T.ROTATE_90,
    7: T.TRANSVERSE,
    8: T.ROTATE_270,
}
OPTIONS = {
    "jpg": {"quality": 95},
    "png": {},
    "webp": {"lossless": True, "quality": 0, "method": 0},
    "tif": {},
    "lzw.tif": {"compression": "tiff_lzw"},
    "jpeg.tif": {"compression": "jpeg"},
    "avif": {"quality": 90, "speed": 10},
    "heic": {"quality": 90},
}


@pytest.mark.parametrize("width", [120, 1026])
@pytest.mark.parametrize("suffix", OPTIONS)
def test_every_format_is_turned_upright(tmp_path, suffix, width):
    require(suffix)
    plain = drawing(width, width // 2)
    path = tmp_path / f"a.{suffix}"
    # A large one of each kind: to one side, and to one side in a mirror.
    for number in STORED if width == 120 else (5, 6):
        way = STORED[number]
        stored = plain if way is None else plain.transpose(way)
        # As bytes: of an object pillow-heif writes no rotation that counts.
        stored.save(path, exif=held(number).tobytes(), **OPTIONS[suffix])
        found = read(path)
        wanted = plain.reduce(2) if width > KEPT_SIDE else plain
        assert found.size == wanted.size, number
        assert np.abs(pixels(found) - pixels(wanted)).mean() < 4, number
        assert found.getexif().get(0x0112, 1) == 1


def test_exif_alone_turns_no_heic(tmp_path):
    """What turns one is a box of its own. Its reader does not say where there is none."""
    heif()
    plain, path = drawing(), tmp_path / "a.heic"
    plain.save(path, exif=held(6).tobytes(), quality=90)
    content = path.read_bytes()
    assert read(path).size == plain.size[::-1] and content.count(b"irot") == 1
    # A box of another name is passed over.
    path.write_bytes(content.replace(b"irot", b"free"))
    assert read(path).size == plain.size


@pytest.mark.parametrize("where", ["eXIf behind", "XMP", "raw profile"])
def test_wherever_a_png_keeps_its_rotation(tmp_path, where):
    info, exif = PngInfo(), held(6).tobytes()
    if where == "XMP":
        info.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    elif where == "raw profile":
        text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n"
        info.add_text("Raw profile type exif", text, zip=True)
    content = png(drawing(), pnginfo=info)
    if where == "eXIf behind":
        content = content[:-12] + chunk(b"eXIf", exif[6:]) + content[-12:]
    (tmp_path / "a.png").write_bytes(content)
    wanted = drawing().transpose(T.ROTATE_270)
    np.testing.assert_array_equal(pixels(read(tmp_path / "a.png")), pixels(wanted))


def plain_pngs():
    """{what is special: a PNG file, whole or not}."""
    grey = drawing(mode="L")
    clear = drawing(mode="RGBA")
    clear.putalpha(grey)
    moving = {"save_all": True, "append_images": [grey.rotate(9)]}
    shades = (np.arange(143) % 251).astype("uint8").reshape(11, 13, 1)
    content = png(grey)
    return {
        **{mode: png(drawing(mode=mode)) for mode in ("1", "L", "LA", "P", "RGB")},
        "RGBA": png(clear),
        "a shade that is none": png(grey, transparency=240),
        "16 bits": png(np.asarray(grey).astype("uint16") * 257),
        "16-bit colours": png_of(np.asarray(clear).astype("uint16") * 257),
        "15 of 16 bits": png(np.asarray(grey).astype("uint16") * 128),
        "the largest": png(Image.new("L", (KEPT_SIDE, KEPT_SIDE), 255)),
        "interlaced": png_of(shades, interlace=True),
        "says upright": png(grey, exif=held(1)),
        "says nonsense": png(grey, exif=held(77)),
        "damaged Exif": png(grey, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        "profile": png(grey, icc_profile=b"not a profile"),
        "blank": png(Image.new("L", (50, 50), 255)),
        "moving": png(grey, **moving),
        "turned and moving": png(grey, exif=held(6), **moving),
        "cut": content[:150],
        "cut in its header": content[:20],
        "a flipped bit": content[:60] + bytes([content[60] ^ 4]) + content[61:],
        "turned and cut": png(grey, exif=held(6))[:-30],
        "signature alone": b"\x89PNG\r\n\x1a\n",
    }


@pytest.mark.parametrize("name", plain_pngs())
def test_a_png_is_handed_on_byte_for_byte(tmp_path, name):
    content = plain_pngs()[name]
    (tmp_path / "a.png").write_bytes(content)
    assert read_png(tmp_path / "a.png") == content
    # Whatever its name says.
    (tmp_path / "a.jpg").write_bytes(content)
    assert read_png(str(tmp_path / "a.jpg")) == content


def test_what_only_makes_a_png_long_is_left_out(tmp_path):
    info = PngInfo()
    info.add(b"ruBb", bytes(image_files.KEPT_BYTES))
    (tmp_path / "a.png").write_bytes(png(drawing(), pnginfo=info))
    content = read_png(tmp_path / "a.png")
    assert len(content) < 10_000
    np.testing.assert_array_equal(pixels(opened(content)), pixels(drawing()))


def test_small_ones_of_other_formats_keep_what_they_are(tmp_path):
    grey = drawing(mode="L")
    clear = drawing(mode="RGBA")
    clear.putalpha(grey)
    clear.save(tmp_path / "a.webp", lossless=True, exact=True)
    found = pixels(read(tmp_path / "a.webp"), "RGBA")
    np.testing.assert_array_equal(found, pixels(clear, "RGBA"))
    paper = grey.getpixel((0, 0))
    grey.convert("P").save(tmp_path / "a.gif", transparency=paper)
    found = read(tmp_path / "a.gif")
    assert found.mode == "P"
    seen = pixels(found, "RGBA")[..., 3] == 255
    np.testing.assert_array_equal(seen, np.asarray(grey) != paper)
    drawing(mode="1").save(tmp_path / "a.tif", compression="group4")
    assert read(tmp_path / "a.tif").mode == "1"


def test_a_profile_stays_with_the_colours_that_it_is_about(tmp_path):
    grey = drawing(mode="L")
    for size in ((300, 200), (1500, 1000)):
        grey.resize(size).save(tmp_path / "a.jpg", icc_profile=b"a profile")
        assert read(tmp_path / "a.jpg").info["icc_profile"] == b"a profile"
    grey.convert("CMYK").save(tmp_path / "b.jpg", icc_profile=b"of inks")
    found = read(tmp_path / "b.jpg")
    assert "icc_profile" not in found.info
    assert np.abs(pixels(found) - pixels(grey)).mean() < 3


def test_the_first_of_the_pictures_of_a_phone(tmp_path):
    path = tmp_path / "a.jpg"
    for size in ((300, 200), (2400, 1600)):
        first = drawing(*size)
        second = first.transpose(T.ROTATE_180)
        options = {"save_all": True, "append_images": [second], "quality": 95}
        first.save(path, "MPO", exif=held(6), **options)
        assert opened(path.read_bytes()).n_frames == 2
        found = read(path).transpose(T.ROTATE_90).resize((300, 200))
        assert np.abs(pixels(found) - pixels(drawing())).mean() < 4


def test_the_main_picture_of_a_heic(tmp_path):
    heif()
    first, second = drawing(), drawing().transpose(T.ROTATE_180)
    for main, wanted in enumerate((first, second)):
        path = tmp_path / f"{main}.heic"
        first.save(path, save_all=True, append_images=[second], primary_index=main)
        assert np.abs(pixels(read(path)) - pixels(wanted)).mean() < 4
