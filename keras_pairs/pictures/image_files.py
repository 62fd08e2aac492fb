"""Image files as PNG files, the one form that a published model reads."""

import io
import pathlib
import warnings

from PIL import Image, ImageOps

from keras_pairs.errors import UserError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_BYTES = 32 * 2**20
# Decoded, 2048 × 2048 pixels are 16 MiB: what one image of a request may take.
MAX_SIDE = 2048
MAX_PIXELS = 50_000_000
# Formats whose readers run no other program.
FORMATS = ("JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def read_png(path):
    """The bytes of an image file as PNG.

    A PNG file is handed on as it is: what it holds is judged by the model, which decodes
    it. Other formats are decoded, turned upright (cameras store a rotation) and encoded.

    Args:
      path: str or Path of a PNG, JPEG, GIF, BMP, TIFF, WebP or PPM file.

    Returns:
      bytes.

    Raises:
      UserError: one line beginning with the path: the file is missing, empty, larger than
        `MAX_BYTES`, not an image, damaged, animated or larger than `MAX_SIDE` a side.
    """
    path = pathlib.Path(path)
    try:
        # Reading a pipe or a device might never end.
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file")
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not content:
        raise UserError(f"{path}: an empty file")
    if len(content) > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
    if content.startswith(PNG_SIGNATURE):
        return content
    try:
        return _to_png(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _to_png(content):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        if getattr(image, "n_frames", 1) > 1:
            raise UserError("animated, or of several pages")
        if max(image.size) > MAX_SIDE:
            raise UserError(f"more than {MAX_SIDE} pixels a side")
        image = ImageOps.exif_transpose(image)
        if image.mode in ("F", "I"):
            raise UserError("32 bits a pixel: save it with 8")
        buffer = io.BytesIO()
        image = image if image.mode in PNG_MODES else image.convert("RGB")
        image.save(buffer, "PNG")
    except UserError:
        raise
    except Image.UnidentifiedImageError as error:
        raise UserError("not an image of a known format") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"more than {MAX_SIDE} pixels a side") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UserError("a damaged image") from error
    return buffer.getvalue()
