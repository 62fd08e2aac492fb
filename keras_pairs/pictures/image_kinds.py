"""What a file is, by its first bytes, whatever its name says."""

import re

# As many of its first bytes as `kind` wants.
START = 1024
# Pillow's names of the formats that are read; none of their readers runs another program.
FORMATS = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    # Two letters begin many a text: the size of the second header tells a BMP.
    "BMP": rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WEBP": rb"RIFF.{4}WEBP",
    "PPM": rb"P[1-6]\s+[#\d]",
}
# Files of boxes (ISO/IEC 14496-12): four bytes of a box's size, then its name.
BOXES = rb".{4}(ftyp|moov|mdat|wide|free|skip)"
AVIF = {b"avif", b"avis"}
HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
OTHERS = {
    "a PDF": rb"%PDF-",
    "PostScript": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a JPEG XL picture": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "a JPEG 2000 picture": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "a Photoshop picture": rb"8BPS",
    "an icon": rb"\0\0[\x01\x02]\0",
    "a camera's raw picture": rb"FUJIFILMCCD-RAW|IIU\0|IIR[OS]|.{4}ftypcrx ",
    "a video or a sound": BOXES
    + rb"|\x1aE\xdf\xa3|RIFF.{4}(AVI |WAVE)|\0\0\x01[\xb3\xba]|OggS|fLaC|ID3",
    "an archive or a document": rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ"
    + rb"|\xd0\xcf\x11",
    "a NumPy file": rb"\x93NUMPY",
    "an SVG drawing": rb"\s*<(\?xml|!--|!doctype svg|svg)(?=[^\0]*<svg)|\s*<svg",
    "a web page": rb"\s*<(!doctype )?html",
}
CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def kind(start):
    """What a file is.

    Args:
      start: bytes, its first `START` ones.

    Returns:
      (Pillow's name of a format that is read, or None; what else it is, as one would say
      it, or None). Both are None where nobody knows.
    """
    for name, pattern in FORMATS.items():
        if re.match(pattern, start, re.DOTALL):
            return name, None
    if start[4:8] == b"ftyp":
        # The box holds the main brand, a version, and the brands it goes with.
        box = start[8 : int.from_bytes(start[:4], "big")]
        brands = {box[i : i + 4] for i in range(0, len(box), 4)}
        for name, known in (("AVIF", AVIF), ("HEIF", HEIF)):
            if brands & known:
                return name, None
    for what, pattern in OTHERS.items():
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return None, what
    return None, None if CONTROL.search(start) else "a text"
