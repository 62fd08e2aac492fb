"""What becomes of the pixels of large, deep and transparent pictures."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from keras_pairs.pictures import image_pixels
from keras_pairs.pictures.image_files import KEPT_SIDE, read_png
from tests.helpers import png
from tests.picture_files import (
    chunk,
    drawing,
    held,
    patched,
    pixels,
    png_of,
    read,
    refusal,
)


@pytest.fixture(autouse=True)
def narrow_strips(monkeypatch):
    """So that these pictures have many."""
    monkeypatch.setattr(image_pixels, "STRIP", 20_000)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "webp", "ppm"])
def test_a_large_picture_is_reduced_by_its_means(tmp_path, suffix):
    shades = np.random.default_rng(0).integers(0, 255, (31, 52), "uint8")
    image = Image.fromarray(shades).resize((2075, 925), Image.Resampling.BICUBIC)
    mode = "RGB" if suffix in ("webp", "ppm") else "L"
    options = {"lossless": True, "quality": 0, "method": 0} if suffix == "webp" else {}
    image.convert(mode).save(tmp_path / f"a.{suffix}", **options)
    found = np.asarray(read(tmp_path / f"a.{suffix}").convert("L"))
    np.testing.assert_array_equal(found, np.asarray(image.reduce(3)))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_large_jpeg_is_decoded_reduced(tmp_path, mode, progressive, monkeypatch):
    image = drawing(2000, 1500)
    image.convert(mode).save(tmp_path / "a.jpg", quality=92, progressive=progressive)
    decoded = []
    load = Image.Image.load

    def watched(self):
        decoded.append(self.size)
        return load(self)

    monkeypatch.setattr(Image.Image, "load", watched)
    found = read(tmp_path / "a.jpg")
    assert max(map(max, decoded)) <= KEPT_SIDE
    assert found.size == (1000, 750)
    wanted = pixels(image.convert(mode).reduce(2))
    assert np.abs(pixels(found) - wanted).mean() < 3


@pytest.mark.parametrize("width", [600, 1500])
def test_inks_as_luminance_and_colour(tmp_path, width):
    """YCCK, as Photoshop writes it: Pillow writes inks, and one byte says what they are."""
    grey = drawing(width, 400, "L")
    middle, none = (Image.new("L", grey.size, shade) for shade in (127, 0))
    image = Image.merge("CMYK", (grey, middle, middle, none))
    image.save(tmp_path / "a.jpg", quality=95)
    content = (tmp_path / "a.jpg").read_bytes()
    # The marker's last byte of 12: 2 is YCCK.
    (tmp_path / "a.jpg").write_bytes(patched(content, content.index(b"Adobe") + 11, b"\2"))
    wanted = pixels(grey.reduce(1 if width == 600 else 2))
    assert np.abs(pixels(read(tmp_path / "a.jpg")) - wanted).mean() < 3


@pytest.mark.parametrize("size", [(1025, 7), (8, 1700), (65500, 3), (5000, 1)])
def test_narrow_pictures(tmp_path, size):
    for suffix in ("jpg", "png", "bmp"):
        Image.new("L", size, 100).save(tmp_path / f"a.{suffix}")
        found = read(tmp_path / f"a.{suffix}")
        assert max(found.size) <= KEPT_SIDE and min(found.size) >= 1
        assert abs(pixels(found) - 100).max() <= 2


def test_clear_parts_stay_clear_and_give_no_colour(tmp_path):
    """Red on nothing, where what is not seen is green."""
    rgba = np.zeros((1100, 1100, 4), "uint8")
    rgba[...] = 0, 255, 0, 0
    rgba[301:900, 301:900] = 200, 0, 0, 255
    image, key = Image.fromarray(rgba), Image.fromarray(rgba[..., :3])
    palette = image.quantize(4, method=Image.Quantize.FASTOCTREE)
    image.save(tmp_path / "rgba.png")
    image.save(tmp_path / "rgba.tif")
    image.save(tmp_path / "rgba.webp", lossless=True, exact=True, quality=0, method=0)
    palette.save(tmp_path / "palette.png")
    key.save(tmp_path / "key.png", transparency=(0, 255, 0))
    for path in tmp_path.iterdir():
        found = read(path)
        assert found.mode == "RGBA" and found.size == (550, 550), path
        red, green, _, alpha = np.moveaxis(np.asarray(found), -1, 0)
        assert (alpha[:150] == 0).all() and (alpha[151:450, 151:450] == 255).all()
        # Half of the pixels at the edge, a quarter at the corner.
        assert 120 < alpha[300, 150] < 136 and 56 < alpha[150, 150] < 72, path
        assert (green[alpha > 0] < 5).all() and (red[alpha > 0] > 190).all(), path


def test_a_shade_that_is_none(tmp_path):
    grey = np.full((1100, 1100), 255, "uint8")
    grey[300:900, 300:900] = 0
    for mode in ("L", "1"):
        image = Image.fromarray(grey).convert(mode)
        image.save(tmp_path / "a.png", transparency=255)
        found = read(tmp_path / "a.png")
        assert found.mode == "LA"
        assert (np.asarray(found)[150:450, 150:450] == (0, 255)).all()
        assert (np.asarray(found)[:150, :, 1] == 0).all()


SHADES = np.asarray(drawing(mode="L"))
COLOURS = np.asarray(drawing())
SCALED = {8: SHADES.astype("uint16")}
SCALED |= {bits: (SHADES * ((2**bits - 1) / 255)).astype("uint16") for bits in (10, 12, 14)}


@pytest.mark.parametrize("bits", SCALED)
def test_16_bits_that_hold_fewer(tmp_path, bits):
    values = SCALED[bits]
    images = {
        "grey.png": png(values),
        "interlaced.png": png_of(values[..., None], interlace=True),
    }
    for name, content in images.items():
        (tmp_path / name).write_bytes(content)
    Image.fromarray(values).save(tmp_path / "grey.tif")
    Image.fromarray(values).save(tmp_path / "lzw.tif", compression="tiff_lzw")
    Image.fromarray(values.astype("int32")).save(tmp_path / "32.tif")
    swapped = Image.frombytes("I;16B", (300, 200), values.astype(">u2").tobytes())
    swapped.save(tmp_path / "swapped.tif")
    start = b"P5 300 200 65535\n"
    (tmp_path / "a.ppm").write_bytes(start + values.astype(">u2").tobytes())
    for path in tmp_path.iterdir():
        found = read(path)
        assert found.mode == "L", path
        assert np.abs(pixels(found, "L") - SHADES).max() <= 1, path


@pytest.mark.parametrize("width", [300, 1200])
def test_16_bits_that_hold_16(tmp_path, width):
    shades = np.asarray(drawing(width, 200, "L")).astype("uint16")
    Image.fromarray(shades * 257).save(tmp_path / "a.tif")
    (tmp_path / "a.png").write_bytes(png(shades * 257))
    wanted = Image.fromarray(shades.astype("uint8")).reduce(1 if width == 300 else 2)
    for path in tmp_path.iterdir():
        found = np.asarray(read(path))
        found = found >> 8 if found.dtype == np.int32 or found.dtype == np.uint16 else found
        np.testing.assert_array_equal(found, np.asarray(wanted), path.name)


def tiff_of_colours(values):
    """A little-endian TIFF of uint16 [h, w, 3]; Pillow writes none."""
    high, wide, _ = values.shape
    buffer = io.BytesIO()
    Image.new("RGB", (wide, high)).save(buffer, "TIFF")
    content = buffer.getvalue()
    # Three times 16 where three times 8 stood, and the longer strip at the end.
    content = content.replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", 16, 16, 16))
    for tag, number in ((273, len(content)), (279, values.nbytes)):
        at = content.index(struct.pack("<HHI", tag, 4, 1)) + 8
        content = patched(content, at, struct.pack("<I", number))
    return content + values.astype("<u2").tobytes()


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_16_bit_colours(tmp_path, bits):
    """Of which Pillow reads the upper 8."""
    values = (COLOURS * ((2**bits - 1) / 255)).astype("uint16")
    clear = np.full((*SHADES.shape, 1), 2**bits - 1, "uint16")
    clear[:20] = 0
    (tmp_path / "rgb.png").write_bytes(png_of(values))
    (tmp_path / "rgba.png").write_bytes(png_of(np.concatenate([values, clear], -1)))
    (tmp_path / "a.tif").write_bytes(tiff_of_colours(values))
    for path in tmp_path.iterdir():
        found = read(path)
        assert np.abs(pixels(found) - COLOURS).max() <= 1, path
        alpha = pixels(found, "RGBA")[..., 3]
        clear_rows = 20 if path.name == "rgba.png" else 0
        assert (alpha[:clear_rows] == 0).all() and (alpha[clear_rows:] == 255).all()


def test_16_bits_with_a_shade_that_is_none(tmp_path):
    values = SCALED[12].copy()
    paper = int(values[0, 0])
    # As close as only 16 bits can tell.
    values[50:90, 100:140] = paper - 1
    key = paper.to_bytes(2, "big")
    for channels in (1, 3):
        content = png_of(np.stack([values] * channels, -1))
        content = content[:33] + chunk(b"tRNS", key * channels) + content[33:]
        (tmp_path / f"{channels}.png").write_bytes(content)
    for path in tmp_path.iterdir():
        found = read(path)
        assert found.mode in ("LA", "RGBA")
        seen = pixels(found, "RGBA")[..., 3] == 255
        np.testing.assert_array_equal(seen, values != paper)


def test_a_turned_picture_of_12_of_16_bits(tmp_path):
    (tmp_path / "a.png").write_bytes(png(SCALED[12], exif=held(6)))
    found = pixels(read(tmp_path / "a.png"), "L")
    assert np.abs(found - np.rot90(SHADES, -1)).max() <= 1


def test_32_bits(tmp_path):
    path = tmp_path / "a.tif"
    for scale in (2**16, 2**22):
        Image.fromarray(SHADES.astype("int32") * scale).save(path)
        assert read(path).mode == "L"
        assert np.corrcoef(pixels(read(path), "L").ravel(), SHADES.ravel())[0, 1] > 0.99
        assert pixels(read(path)).max() > 100
    # The upper half of what has no sign; Pillow reads it as below 0.
    whole = (SHADES.astype("uint32") * (2**24 + 2**16)).view("int32")
    Image.fromarray(whole).save(path)
    content = path.read_bytes()
    sign = content.index(struct.pack("<HHI", 339, 3, 1)) + 8
    path.write_bytes(patched(content, sign, b"\1"))
    assert np.abs(pixels(read(path), "L") - SHADES).max() <= 1


def test_numbers_that_are_no_shades(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(SHADES.astype("int32") - 100).save(path)
    assert refusal(path) == "its pixels go below 0: save it with 8 or 16 bits"
    Image.fromarray(SHADES.astype("float32") / 255).save(path)
    assert refusal(path) == "its pixels are fractions: save it with 8 or 16 bits"
    Image.fromarray(COLOURS).convert("LAB").save(path)
    assert refusal(path) == "its colours are LAB: save it as RGB"


def test_a_black_picture_stays_black(tmp_path):
    """Values up to 3 are 8 bits, not 2."""
    (tmp_path / "a.png").write_bytes(png(np.eye(40, dtype="uint16") * 3))
    assert pixels(read(tmp_path / "a.png")).max() == 3
    assert read_png(tmp_path / "a.png") != png(np.eye(40, dtype="uint16") * 3)
