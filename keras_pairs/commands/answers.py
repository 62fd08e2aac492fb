"""What `predict` reads and prints: tables of pairs, requests, answers."""

import base64
import codecs
import csv
import json
import os
import pathlib
import sys

from keras_pairs.commands import flags, runner
from keras_pairs.errors import UsageError, UserError
from keras_pairs.fields import file, new_file, yes_no
from keras_pairs.pictures import image_files

CHUNK = 256
# Of `predict`.
FLAGS = {
    **flags.others("model"),
    "csv": flags.Flag(
        file(),
        "Pairs of image files, one pair a line. A line that is no pair is told by its "
        "number, and the others are compared.",
    ),
    "json": flags.Flag(yes_no(), "Print one JSON object per pair.", False),
    "request": flags.Flag(
        yes_no(), "Print the body of a TF-Serving request instead, for curl -d @-.", False
    ),
    "show": flags.Flag(
        new_file(".png"), "Write a picture (.png) of what was found and why it answers so."
    ),
    "split": flags.Flag(
        yes_no(),
        "The one picture given shows both digits; the left or upper one is the first.",
        False,
    ),
}


def read_rows(path):
    """The rows of a CSV file of pairs, without header (first,second) and empty lines.

    Each line is read by itself: a quotation mark that is left open loses no other row.

    Returns:
      list of (name, name) as written, or of `UserError` for a line that is no such row,
      with its number.

    Raises:
      UserError: if it is not a text file or names no pair.
    """
    content = pathlib.Path(path).read_bytes()
    if b"\0" in content:
        raise UserError(f"{path}: not a CSV file in UTF-8")
    rows = []
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines()
    for number, line in enumerate(lines, 1):
        try:
            (cells,) = csv.reader([line.decode()], skipinitialspace=True, strict=True)
            if not any(cells):
                continue
            if len(cells) != 2:
                raise ValueError(f"{len(cells)} cells, not two names with a comma between")
            rows.append(tuple(cells))
        except UnicodeDecodeError:
            rows.append(UserError(f"{path}, line {number}: not text in UTF-8"))
        except (csv.Error, ValueError) as error:
            rows.append(UserError(f"{path}, line {number}: {error}"))
    if rows and rows[0] == ("first", "second"):
        del rows[0]
    if not rows:
        raise UserError(f"{path}: names no pair")
    return rows


def check_flags(flag, images):
    """Refuses flags of `predict` that do not go together.

    Args:
      flag: dict, name → value.
      images: paths of the images that are given.

    Raises:
      UsageError: naming them.
    """
    if flag["csv"] and images:
        raise UsageError("--csv and images do not go together")
    needed = 0 if flag["csv"] else 1 if flag["split"] else 2
    if len(images) != needed:
        what = (
            "one image that shows two digits" if flag["split"] else "two images, or --csv"
        )
        raise UsageError(f"needs {what}")
    for one, other in (
        ("json", "request"),
        ("csv", "split"),
        ("csv", "show"),
        ("request", "model"),
        ("request", "split"),
        ("request", "show"),
    ):
        if flag[one] and flag[other]:
            raise UsageError(f"--{one} does not go with --{other}")
    if flag["show"] and any(_same_file(flag["show"], image) for image in images):
        raise UsageError(f"--show would write over {flag['show']}, which is read")


def _same_file(one, other):
    try:
        return os.path.samefile(one, other)
    except OSError:
        # There is none yet.
        return False


def request_body(pairs):
    """The body of a REST request of TF-Serving for PNG pairs, one line of JSON."""
    instances = [
        {"png_bytes": [{"b64": base64.b64encode(image).decode()} for image in pair]}
        for pair in pairs
    ]
    return json.dumps({"signature_name": "png", "instances": instances})


def describe(names, answers, i, model, as_json):
    """One line about pair i of a `Comparison` by a `Comparer`."""
    error = answers.errors.get(i)
    if error is not None:
        return _refused(names, error) if as_json else f"{names[0]} ? {names[1]}: {error}"
    probability = float(answers.probability[i])
    reads = answers.reads_digits
    digits = answers.digits[i].tolist() if reads else (None, None)
    unsure = answers.unsure_digits[i].tolist()
    contradicts = bool(answers.contradicts[i])
    if as_json:
        record = _named(names)
        record |= {"comparison": probability, "verdict": bool(answers.verdict[i])}
        record |= dict(zip(("first_digit", "second_digit"), digits, strict=True))
        record |= {"unsure": bool(answers.unsure[i]), "unsure_digits": unsure}
        record |= {"contradicts": contradicts, "model": model.name, "data": model.data}
        return json.dumps(record)
    verdict = "yes" if answers.verdict[i] else "no"
    marked = [f"{digit}{'?' * mark}" for digit, mark in zip(digits, unsure, strict=True)]
    read = f"; reads {' and '.join(marked)}" if reads else ""
    read += ", which contradicts the answer" if contradicts else ""
    read += "; unsure" if answers.unsure[i] else ""
    return f"{names[0]} <= {names[1]}: {verdict} (probability {probability:.3f}{read})"


def print_request(rows, folder):
    """Prints the request body of all pairs that can be read; returns the errors."""
    pairs, errors = [], []
    for row in rows:
        try:
            if isinstance(row, UserError):
                raise row
            pairs.append([image_files.read_png(folder / name) for name in row])
        except UserError as error:
            errors.append(error)
            if len(rows) > 1:
                print(f"error: {error}", file=sys.stderr)
    if pairs:
        runner.say(request_body(pairs))
    return errors


def print_answer(images, model, flag):
    """Prints the answer for the pair that the command line names, and draws it.

    Args:
      images: two paths, or one with --split.
      model: `Comparer`.
      flag: dict, the flags of `predict`.

    Raises:
      UserError: if the pair cannot be compared; --json says so in its line too.
    """
    names = images
    if flag["split"]:
        names = [f"{images[0]} ({side})" for side in ("first", "second")]
    try:
        if flag["split"]:
            images = model.split(*images)
        if flag["show"]:
            from keras_pairs.serving import showing

            # A refusal is what one most wants to see the reason of.
            pictures = list(zip(names, images, strict=True))
            found = showing.show(pictures, model, flag["show"])
        else:
            found = model.compare_files([images], [names])
        for error in found.errors.values():
            raise UserError(error)
    except UserError as error:
        if flag["json"]:
            runner.say(_refused(names, error))
        raise
    line = describe(names, found, 0, model, flag["json"])
    runner.say(line if flag["json"] else f"{line} [{model}]")


def _refused(names, error):
    """The line of JSON for a pair that cannot be compared."""
    return json.dumps(_named(names) | {"error": str(error)})


def _named(names):
    return dict(zip(("first", "second"), names, strict=True))


def print_answers(rows, folder, model, as_json):
    """Prints a line per row, in order; returns the errors."""
    errors = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        pairs = [row for row in chunk if not isinstance(row, UserError)]
        answers = model.compare_files([[folder / name for name in row] for row in pairs])
        errors += answers.errors.values()
        i = 0
        for row in chunk:
            if isinstance(row, UserError):
                errors.append(row)
                runner.say(json.dumps({"error": str(row)}) if as_json else row)
                continue
            runner.say(describe(row, answers, i, model, as_json))
            i += 1
    if not as_json:
        runner.say(f"[{model}]")
    return errors
