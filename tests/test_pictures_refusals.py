"""What is not read, and why: one true sentence each, before anything is decoded."""

import contextlib
import io
import logging
import os
import socket
import struct
import sys
import warnings

import pytest
from PIL import Image, TiffImagePlugin, features

from keras_pairs.pictures import image_files
from keras_pairs.pictures.image_files import MAX_SCANS
from tests.helpers import png
from tests.picture_files import (
    HAS_AVIF,
    chunk,
    drawing,
    patched,
    pixels,
    read,
    refusal,
    require,
)


def test_several_pages_are_refused(tmp_path):
    both = {"save_all": True, "append_images": [drawing().rotate(9)]}
    suffixes = ["gif", "webp", "tif", *(["avif"] if HAS_AVIF else [])]
    for suffix in suffixes:
        drawing().save(tmp_path / f"a.{suffix}", **both)
        assert refusal(tmp_path / f"a.{suffix}") == "animated, or of several pages"
    large = Image.new("L", (1500, 20), 255)
    large.save(tmp_path / "a.png", save_all=True, append_images=[large.point(lambda x: 0)])
    assert refusal(tmp_path / "a.png") == "animated, or of several pages"


def test_the_last_of_a_million_pages_is_not_looked_for(tmp_path, monkeypatch):
    pages = {"save_all": True, "append_images": [drawing()] * 2}
    drawing().save(tmp_path / "a.tif", **pages)

    def count(self):
        raise AssertionError("all pages were counted")

    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "n_frames", property(count))
    assert refusal(tmp_path / "a.tif") == "animated, or of several pages"


def bombs():
    """{name: a small file that claims to be huge}."""
    image = drawing(60, 40)

    def saved(form, **options):
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    jpeg, bmp, tiff = saved("JPEG"), saved("BMP"), saved("TIFF")
    webp = saved("WEBP", lossless=True)
    content = png(image)
    header = patched(content[16:29], 0, struct.pack(">II", 60_000, 60_000))
    frame = jpeg.index(b"\xff\xc0") + 5
    width = tiff.index(struct.pack("<HHI", 256, 4, 1)) + 8
    return {
        "png": content[:8] + chunk(b"IHDR", header) + content[33:],
        "large.png": png(Image.new("1", (7300, 7300))),
        "jpg": patched(jpeg, frame, struct.pack(">HH", 65_000, 65_000)),
        "gif": patched(saved("GIF"), 6, struct.pack("<HH", 60_000, 60_000)),
        "bmp": patched(bmp, 18, struct.pack("<ii", 60_000, 60_000)),
        "tif": patched(tiff, width, struct.pack("<I", 2_000_000)),
        # Twice 14 bits, one less than width and height.
        "webp": patched(webp, webp.index(b"VP8L") + 9, b"\xff\xff\xff\x0f"),
        "ppm": b"P6 60000 60000 255\n" + bytes(100),
        "108.ppm": b"P5 12000 9000 255\n" + bytes(100),
    }


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_by_its_header(tmp_path, name, monkeypatch):
    (tmp_path / name).write_bytes(bombs()[name])

    def loaded(self):
        raise AssertionError("a bomb was decoded")

    monkeypatch.setattr(Image.Image, "load", loaded)
    assert refusal(tmp_path / name).endswith("more than 50 megapixels")


@pytest.mark.parametrize("suffix", ["heic", "avif"])
def test_a_bomb_of_boxes(tmp_path, suffix):
    require(suffix)
    drawing(64, 64).save(tmp_path / f"a.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    size = struct.pack(">II", 64, 64)
    assert b"ispe\0\0\0\0" + size in content
    for wide, high in ((8000, 8000), (2**31, 2**31)):
        claimed = content.replace(size, struct.pack(">II", wide, high))
        (tmp_path / f"a.{suffix}").write_bytes(claimed)
        said = refusal(tmp_path / f"a.{suffix}")
        # The readers have limits of their own, which are higher.
        assert said == "8000 × 8000 pixels are more than 50 megapixels" or wide > 8000


def test_as_large_as_phones_make_them_is_no_bomb():
    assert 8192 * 6144 <= image_files.MAX_PIXELS < 7300 * 7300


def jpeg_of_scans(count):
    """A progressive JPEG with its last scan again and again."""
    buffer = io.BytesIO()
    drawing(64, 64).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content.rindex(b"\xff\xda")
    scan = content[last:-2]
    return content[:last] + scan * (count - content.count(b"\xff\xda") + 1) + content[-2:]


def test_a_jpeg_of_endless_scans_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_of_scans(MAX_SCANS + 1))
    assert refusal(path) == f"a JPEG in more than {MAX_SCANS} steps"
    path.write_bytes(jpeg_of_scans(20))
    plain = pixels(read(path))
    # A phone's video behind the picture is none of its scans.
    path.write_bytes(jpeg_of_scans(20) + b"\0\xff\xda" * 500)
    assert (pixels(read(path)) == plain).all()


def test_a_slow_form_is_read_up_to_a_size(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P5 3 2 15\n" + bytes([0, 15, 7, 15, 15, 15]))
    assert pixels(read(tmp_path / "a.ppm"), "L").max() == 255
    for start in (b"P5 3000 2000 15\n", b"P2 3000 2000 255\n"):
        (tmp_path / "a.ppm").write_bytes(start + bytes(6_000_000))
        assert "is read up to 4 megapixels" in refusal(tmp_path / "a.ppm")


def box(name, data):
    return struct.pack(">I", len(data) + 8) + name + data


OTHERS = {
    b"%PDF-1.7\n%\xe2\xe3": "a PDF",
    b"%!PS-Adobe-3.0": "PostScript",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>": "an SVG drawing",
    b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg width="9"/>': "an SVG drawing",
    b"\n<!DOCTYPE html><html><body>404": "a web page",
    box(b"ftyp", b"isom\0\0\2\0isomavc1mp41") + bytes(50): "a video or a sound",
    box(b"ftyp", b"qt  \0\0\0\0qt  ") + bytes(50): "a video or a sound",
    b"\x1aE\xdf\xa3" + bytes(50): "a video or a sound",
    b"RIFF\x24\0\0\0WAVEfmt " + bytes(50): "a video or a sound",
    b"PK\3\4" + bytes(50): "an archive or a document",
    b"\x1f\x8b\x08" + bytes(50): "an archive or a document",
    b"8BPS\0\1" + bytes(50): "a Photoshop picture",
    b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50): "a JPEG XL picture",
    b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50): "a JPEG 2000 picture",
    b"\0\0\1\0\1\0" + bytes(50): "an icon",
    box(b"ftyp", b"crx \0\0\0\1crx isom") + bytes(50): "a camera's raw picture",
    b"\x93NUMPY\1\0v\0{'descr'": "a NumPy file",
    b"first,second\na.png,b.png\n": "a text",
    "größer oder gleich".encode("latin-1"): "a text",
    b"BMW builds cars": "a text",
    b"P5 is a class": "a text",
}


@pytest.mark.parametrize("content", OTHERS, ids=OTHERS.values())
def test_what_is_no_picture_is_called_what_it_is(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    what = OTHERS[content]
    assert refusal(tmp_path / "a.png") == f"not an image of a known format, but {what}"


def test_what_nobody_knows(tmp_path):
    for content in (b"\0", bytes(range(256)), b"\xff\xd8\0\0", b"\1\2\3" * 99):
        (tmp_path / "a.png").write_bytes(content)
        assert refusal(tmp_path / "a.png") == "not an image of a known format"


def test_no_file_at_all(tmp_path):
    (tmp_path / "empty.jpg").touch()
    assert refusal(tmp_path / "empty.jpg") == "an empty file"
    assert refusal(tmp_path) == "a folder"
    assert refusal(tmp_path / "none.jpg") == "No such file or directory"
    with open(tmp_path / "large.bmp", "wb") as file:
        file.truncate(image_files.MAX_BYTES + 1)
    assert refusal(tmp_path / "large.bmp") == "larger than 256 MiB"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        assert refusal(tmp_path / "pipe.png") == "not a file"
    if hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(tmp_path / "s"))
            assert refusal(tmp_path / "s") == "not a file"


@pytest.mark.parametrize("suffix", "jpg gif bmp tif webp ppm avif heic".split())
def test_a_file_that_was_cut(tmp_path, suffix):
    require(suffix)
    drawing().save(tmp_path / f"a.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(content[: len(content) * 2 // 3])
    assert refusal(tmp_path / f"a.{suffix}").startswith("a damaged image")
    if suffix in ("jpg", "bmp"):
        assert refusal(tmp_path / f"a.{suffix}") == "a damaged image: it ends too early"


def test_a_large_png_that_was_cut(tmp_path):
    (tmp_path / "a.png").write_bytes(png(drawing(2000, 2000))[:-500])
    assert refusal(tmp_path / "a.png") == "a damaged image: it ends too early"


def test_a_reader_that_is_missing_is_named(tmp_path, monkeypatch):
    for brands in (b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic"):
        (tmp_path / "a.heic").write_bytes(box(b"ftyp", brands) + bytes(99))
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "pillow_heif", None)
            wanted = "HEIC is read after: pip install 'keras_pairs[photos]'"
            assert refusal(tmp_path / "a.heic") == wanted
    for brands in (b"avif\0\0\0\0avifmif1", b"mif1\0\0\0\0mif1avif"):
        (tmp_path / "a.avif").write_bytes(box(b"ftyp", brands) + bytes(99))
        with monkeypatch.context() as patch:
            patch.setattr(features, "check", lambda name: None)
            wanted = "AVIF is read after: pip install 'keras_pairs[photos]'"
            assert refusal(tmp_path / "a.avif") == wanted


def test_too_little_memory_is_a_sentence(tmp_path, monkeypatch):
    drawing().save(tmp_path / "a.bmp")

    def load(self):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", load)
    assert refusal(tmp_path / "a.bmp") == "needs more memory than there is"


def test_pillow_is_quiet(tmp_path, capfd, caplog):
    """A TIFF of more samples than it has, and a JPEG whose second picture is nowhere."""
    drawing().save(tmp_path / "a.tif")
    content = (tmp_path / "a.tif").read_bytes()
    at = content.index(struct.pack("<HHI", 277, 3, 1)) + 8
    (tmp_path / "a.tif").write_bytes(patched(content, at, struct.pack("<H", 9000)))
    both = {"save_all": True, "append_images": [drawing()]}
    drawing().save(tmp_path / "a.jpg", "MPO", **both)
    content = (tmp_path / "a.jpg").read_bytes()
    at = content.index(b"MPF\0") + 8
    (tmp_path / "a.jpg").write_bytes(patched(content, at, b"\xff\xff\xff\xff"))
    level = logging.getLogger("PIL").level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert refusal(tmp_path / "a.tif") == "a damaged image"
        assert read(tmp_path / "a.jpg").size == (300, 200)
    assert capfd.readouterr() == ("", "") and not caplog.records
    assert logging.getLogger("PIL").level == level


def test_pillow_is_quiet_while_anybody_reads_and_no_longer():
    log, filters = logging.getLogger("PIL"), list(warnings.filters)
    level, first, second = log.level, contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(image_files.SILENCE)
    second.enter_context(image_files.SILENCE)
    # As threads of a pool do, the first one to begin is the first to end.
    first.close()
    assert log.level == logging.CRITICAL
    second.close()
    assert log.level == level and list(warnings.filters) == filters
