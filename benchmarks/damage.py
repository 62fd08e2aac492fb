"""Small image files of every format that is read, and ways to damage them."""

import io
import struct
import zlib

from PIL import Image, ImageCms, ImageDraw, features

# No other number in a header is likely to be one of these.
WIDTH, HEIGHT = 61, 47
CLAIMS = (0, 1, 28, 1100, 5000, 8192, 30_000, 65_535, 2**24, 2**31 - 1, 2**32 - 1)
EXTREMES = (b"\0", b"\xff", b"\x80", b"\x7f")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def samples():
    """{format: list of whole files}; HEIC and AVIF where there is a package that writes."""
    found = {
        "PNG": [
            *(_saved(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
            _saved("L", "PNG", exif=_turned()),
            _saved("L", "PNG", save_all=True, append_images=[_drawing("L").rotate(9)]),
            _saved("L", "PNG", transparency=255),
        ],
        "JPEG": [
            *(_saved(mode, "JPEG", exif=_turned()) for mode in ("L", "RGB", "CMYK")),
            _saved("RGB", "JPEG", progressive=True, subsampling=0),
            _saved("CMYK", "JPEG", progressive=True),
            _saved("RGB", "JPEG", icc_profile=_profile()),
            _saved("RGB", "MPO", save_all=True, append_images=[_drawing("RGB")]),
        ],
        "WebP": [
            _saved("RGB", "WEBP"),
            _saved("RGB", "WEBP", lossless=True),
            _saved("RGBA", "WEBP", exif=_turned()),
            _saved("RGBA", "WEBP", lossless=True),
        ],
        "GIF": [
            _saved("L", "GIF"),
            _saved("P", "GIF", interlace=0),
            _saved("P", "GIF", transparency=0),
        ],
        "TIFF": [
            *(_saved(mode, "TIFF") for mode in ("1", "L", "RGB", "RGBA", "I", "I;16", "F")),
            _saved("1", "TIFF", compression="group4"),
            _saved("RGB", "TIFF", compression="tiff_lzw", tiffinfo={274: 6}),
            _saved("RGBA", "TIFF", compression="tiff_adobe_deflate"),
            _saved("RGB", "TIFF", compression="jpeg"),
            _saved("L", "TIFF", compression="packbits", big_tiff=True),
        ],
        "BMP": [_saved(mode, "BMP") for mode in ("1", "L", "P", "RGB", "RGBA")],
        "PPM": [
            *(_saved(mode, "PPM") for mode in ("1", "L", "RGB", "I")),
            b"P2 %d %d 15\n" % (WIDTH, HEIGHT) + b"0 15 7 " * (WIDTH * HEIGHT // 3 + 1),
            b"P6 %d %d 300\n" % (WIDTH, HEIGHT) + b"\1\2\0\x99" * (WIDTH * HEIGHT * 2),
        ],
    }
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
        found["HEIC"] = [
            _saved("RGB", "HEIF", exif=_turned().tobytes()),
            _saved("RGBA", "HEIF", quality=30),
            _saved("L", "HEIF", save_all=True, append_images=[_drawing("L")]),
        ]
    if "avif" in features.modules and features.check("avif"):
        found["AVIF"] = [
            _saved("RGB", "AVIF", exif=_turned().tobytes()),
            _saved("RGBA", "AVIF", quality=30),
            _saved("RGB", "AVIF", save_all=True, append_images=[_drawing("RGB")]),
        ]
    return found


def _drawing(mode):
    image = Image.new("L", (WIDTH, HEIGHT), 250)
    ImageDraw.Draw(image).line([(15, 8), (45, 8), (28, 40)], 20, 5)
    if mode[0] in "IF":
        return image.convert("I").convert(mode)
    return image.convert("RGB").convert(mode)


def _profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _saved(mode, form, **options):
    buffer = io.BytesIO()
    _drawing(mode).save(buffer, form, **options)
    return buffer.getvalue()


def damaged(content, others, chance):
    """One to three kinds of damage, one after the other.

    Args:
      content: bytes of a whole file.
      others: list of bytes, files that parts may come from.
      chance: `random.Random`.

    Returns:
      bytes, other than `content` and not none.
    """
    damage = content
    while damage in (content, b""):
        damage = content
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            damage = chance.choice(KINDS)(damage or content, others, chance)
        # A reader that checks sums would look no further.
        if damage.startswith(PNG_SIGNATURE) and chance.random() < 0.6:
            damage = _with_right_sums(damage)
    return damage


def _flip_bits(content, others, chance):
    found = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 64))):
        # Half of them where the headers are.
        end = len(found) if chance.random() < 0.5 else min(len(found), 128)
        found[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return bytes(found)


def _cut(content, others, chance):
    return content[: chance.randrange(1, len(content) + 1)]


def _splice(content, others, chance):
    """Puts a part of a file into the other, or in place of as much of it."""
    other = chance.choice(others)
    begin = chance.randrange(len(other))
    part = other[begin : begin + chance.choice((1, 4, 16, 256, 4096))]
    at = chance.randrange(len(content) + 1)
    end = at if chance.random() < 0.5 else at + len(part)
    return content[:at] + part + content[end:]


def _leave_out(content, others, chance):
    at = chance.randrange(len(content))
    return content[:at] + content[at + chance.choice((1, 2, 4, 12, 100, 1000)) :]


def _overwrite(content, others, chance):
    """Puts one of the numbers that programs forget into a place of 1, 2 or 4 bytes."""
    end = len(content) if chance.random() < 0.3 else min(len(content), 256)
    at = chance.randrange(end)
    length = chance.choice((1, 2, 4))
    return content[:at] + chance.choice(EXTREMES) * length + content[at + length :]


def _claim(content, others, chance):
    """Another width or height wherever one seems to be written."""
    side, claim = chance.choice((WIDTH, HEIGHT)), chance.choice(CLAIMS)
    if content[:1] == b"P" and content[1:2].isdigit():
        return content.replace(b"%d" % side, b"%d" % claim, 1)
    for form in chance.sample((">I", "<I", ">H", "<H"), 4):
        number = struct.pack(form, side)
        if number in content:
            largest = 256 ** len(number) - 1
            changed = struct.pack(form, min(claim, largest))
            return content.replace(number, changed, chance.choice((1, -1)))
    return content


def _lengthen(content, others, chance):
    return content + chance.randbytes(chance.choice((1, 100, 5000)))


KINDS = (_flip_bits, _cut, _splice, _leave_out, _overwrite, _claim, _lengthen)


def _with_right_sums(content):
    """A PNG whose chunks have the right checksums, as far as it has chunks."""
    parts, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        parts += [content[at:end], struct.pack(">I", zlib.crc32(content[at + 4 : end]))]
        at = end + 4
    return b"".join([*parts, content[at:]])
