"""`predict` and `export`."""

import base64
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from keras_pairs import scoring
from keras_pairs.commands import answers
from keras_pairs.errors import UserError
from keras_pairs.serving import comparer
from tests.helpers import assert_one_line, call, command, draw, drawn_zero

MODEL = "--model=saved_models/digit_pairs"


@pytest.fixture
def folder(tmp_path, published):
    """A working folder with a model of its own, pictures and a table of pairs."""
    models = tmp_path / "saved_models"
    models.mkdir()
    (models / "digit_pairs").symlink_to(published.parent)
    draw(2, pen=8, side=84).save(tmp_path / "a.png")
    draw(7, pen=8, side=84).save(tmp_path / "b.png")
    drawn_zero(84).save(tmp_path / "c.png")
    Image.open(tmp_path / "c.png").save(tmp_path / "c.jpg")
    (tmp_path / "empty.png").touch()
    (tmp_path / "pairs.csv").write_text(
        "first,second\na.png,b.png\n\na.png,empty.png\nalone\nc.jpg,a.png\nb.png, c.jpg\n"
    )
    return tmp_path


@pytest.mark.parametrize("run", [call, command])
def test_one_pair_is_one_line(folder, run):
    done = run("predict", MODEL, "a.png", "b.png", cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    model = comparer.load(folder / "saved_models" / "digit_pairs")
    expected = model.compare(folder / "a.png", folder / "b.png")
    probability = expected.probability[0]
    verdict = "yes" if probability >= 0.5 else "no"
    first, second = (
        f"{digit}{'?' * mark}"
        for digit, mark in zip(
            expected.digits[0].tolist(), expected.unsure_digits[0].tolist(), strict=True
        )
    )
    read = f"probability {probability:.3f}; reads {first} and {second}"
    model = "saved_models/digit_pairs/1, trained on unrecorded data"
    assert done.stdout == f"a.png <= b.png: {verdict} ({read}) [{model}]\n"


def test_a_table_of_pairs(folder):
    table = f"--csv={folder}/pairs.csv"
    done = call("predict", MODEL, table, "--json", cwd=folder)
    assert done.returncode == 1
    assert done.stderr == "error: 2 of 5 pairs could not be compared\n"
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[1]["error"] == f"{folder}/empty.png: an empty file"
    assert records[2] == {
        "error": f"{folder}/pairs.csv, line 5: 1 cells, not two names with a comma between"
    }
    model = comparer.load(folder / "saved_models" / "digit_pairs")
    for record in (records[0], records[3], records[4]):
        pair = folder / record["first"], folder / record["second"]
        expected = model.compare(*pair)
        assert record["comparison"] == pytest.approx(expected.probability[0], abs=1e-5)
        assert record["verdict"] == expected.verdict[0]
        assert [record["first_digit"], record["second_digit"]] == list(expected.digits[0])
        assert record["contradicts"] == expected.contradicts[0]
        assert record["model"] == "saved_models/digit_pairs/1" and record["data"] is None
    text = call("predict", MODEL, table, cwd=folder).stdout.splitlines()
    assert text[1] == f"a.png ? empty.png: {folder}/empty.png: an empty file"
    assert len(text) == 6 and text[4].startswith("b.png <= c.jpg: ")
    assert text[5] == "[saved_models/digit_pairs/1, trained on unrecorded data]"


def test_a_bad_line_of_a_table_loses_no_other(tmp_path):
    """Each has its number, whatever is wrong with it."""
    path = tmp_path / "pairs.csv"
    lines = [b"\xef\xbb\xbffirst,second", b'a.png,"b, or c.png"', b'"a.png,b.png']
    lines += [b'"a"x,b.png', b"gr\xf6\xdfer.png,b.png", b"", b"  ", b",", b"c.png, d.png"]
    lines += [b"x" * 140_000 + b",b.png", b"a.png,b.png,", "größer.png,b.png".encode()]
    path.write_bytes(b"\r\n".join(lines))
    rows = answers.read_rows(path)
    bad = {str(row).removeprefix(f"{path}, ") for row in rows if isinstance(row, UserError)}
    assert bad == {
        "line 3: unexpected end of data",
        "line 4: ',' expected after '\"'",
        "line 5: not text in UTF-8",
        "line 10: field larger than field limit (131072)",
        "line 11: 3 cells, not two names with a comma between",
    }
    good = [row for row in rows if not isinstance(row, UserError)]
    assert good == [("a.png", "b, or c.png"), ("c.png", "d.png"), ("größer.png", "b.png")]
    for spreadsheet in ("a.png,b.png".encode("utf-16"), b"\0"):
        path.write_bytes(spreadsheet)
        with pytest.raises(UserError, match=r"pairs.csv: not a CSV file in UTF-8$"):
            answers.read_rows(path)
    path.write_bytes(b"first,second\n\n")
    with pytest.raises(UserError, match="names no pair"):
        answers.read_rows(path)


def test_two_digits_in_one_picture(folder):
    """They are refused, unless --split reads the left one as the first.

    Asked is the model in the box: the small one may read the same digit, cut out of another
    picture, as another.
    """
    sheet = Image.new("L", (300, 160), 255)
    for left, name in ((20, "a"), (180, "b")):
        sheet.paste(Image.open(folder / f"{name}.png"), (left, 40))
    sheet.save(folder / "both.png")
    done = call("predict", "both.png", "a.png", cwd=folder)
    assert_one_line(done, 1, "both.png: 2 digits found: one picture a digit, or --split")
    done = call("predict", "both.png", "--split", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["first"], record["second"]) == ("both.png (first)", "both.png (second)")
    apart = call("predict", "a.png", "b.png", "--json", cwd=folder)
    expected = json.loads(apart.stdout)
    for name in ("first_digit", "second_digit", "verdict"):
        assert record[name] == expected[name]
    assert (record["first_digit"], record["second_digit"]) == (2, 7)
    sheet.crop((0, 0, 300, 20)).save(folder / "both.png")
    done = call("predict", "both.png", "--split", cwd=folder)
    assert_one_line(done, 1, "both.png: two digits are needed, 0 found")


def test_a_refused_pair_is_a_line_of_json_too(folder):
    """Beside the one on stderr, and with the same exit code."""
    Image.new("L", (90, 90), 255).save(folder / "blank.png")
    for words, names, message in (
        (("a.png", "empty.png"), ("a.png", "empty.png"), "empty.png: an empty file"),
        (("blank.png", "b.png"), ("blank.png", "b.png"), "blank.png: shows no digit"),
        (
            ("a.png", "--split"),
            ("a.png (first)", "a.png (second)"),
            "a.png: two digits are needed, 1 found",
        ),
        (("none.png", "b.png", "--show=x.png"), ("none.png", "b.png"), "none.png: No such"),
    ):
        done = call("predict", MODEL, *words, "--json", cwd=folder)
        assert done.returncode == 1 and done.stderr.startswith(f"error: {message}")
        record = json.loads(done.stdout)
        assert record.keys() == {"first", "second", "error"}
        assert (record["first"], record["second"]) == names
        assert record["error"].startswith(message)


@pytest.mark.parametrize("bad", [False, True])
def test_show_draws_how_the_answer_came_about(folder, bad):
    if bad:
        Image.new("L", (90, 90), 255).save(folder / "b.png")
    done = call("predict", MODEL, "a.png", "b.png", "--show=why.png", cwd=folder)
    assert done.returncode == bad
    if bad:
        assert_one_line(done, 1, "b.png: shows no digit")
    with Image.open(folder / "why.png") as picture:
        assert picture.width > 800 and len(picture.convert("RGB").getcolors(10**6)) > 50
    assert not list(folder.glob(".*"))


def test_request_body_is_what_a_server_wants(folder, published):
    done = call("predict", "--csv=pairs.csv", "--request", cwd=folder)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 3
    body = json.loads(done.stdout)
    assert set(body) == {"signature_name", "instances"} and body["signature_name"] == "png"
    # As TF-Serving reads a row: {"b64": …} is the decoded bytes.
    rows = [
        [base64.b64decode(image["b64"], validate=True) for image in row["png_bytes"]]
        for row in body["instances"]
    ]
    found = comparer.load(published).compare_files(rows)
    names = (("a.png", "b.png"), ("c.jpg", "a.png"), ("b.png", "c.jpg"))
    paths = [[folder / name for name in pair] for pair in names]
    expected = comparer.load(published).compare_files(paths)
    np.testing.assert_array_equal(found.probability, expected.probability)


class Answering:
    """A model that reads 3 and 7 and says no."""

    name, data, reads_digits = "m/1", "mnist", True

    def comparison(self, certain=1.0):
        digits = certain * np.eye(10, dtype="float32")
        outputs = {"comparison": np.array([0.25], "float32")}
        outputs |= {"first_digit": digits[3:4], "second_digit": digits[7:8]}
        return comparer.Comparison(outputs, reads_digits=self.reads_digits)


def test_a_contradiction_is_told():
    model = Answering()
    line = answers.describe((A, B), model.comparison(), 0, model, as_json=False)
    read = "reads 3 and 7, which contradicts the answer; unsure"
    assert line == f"a.png <= b.png: no (probability 0.250; {read})"
    line = answers.describe((A, B), model.comparison(), 0, model, as_json=True)
    assert json.loads(line) == {
        "first": A,
        "second": B,
        "comparison": 0.25,
        "verdict": False,
        "first_digit": 3,
        "second_digit": 7,
        "unsure": True,
        "unsure_digits": [False, False],
        "contradicts": True,
        "model": "m/1",
        "data": "mnist",
    }
    model.reads_digits = False
    line = answers.describe((A, B), model.comparison(), 0, model, as_json=False)
    assert line == "a.png <= b.png: no (probability 0.250; unsure)"


def test_a_digit_that_is_hardly_read_is_marked():
    model = Answering()
    found = model.comparison(scoring.CERTAIN_DIGIT - 0.01)
    found.outputs["second_digit"][0, 7] = scoring.CERTAIN_DIGIT + 0.01
    line = answers.describe((A, B), found, 0, model, as_json=False)
    assert "; reads 3? and 7, which" in line
    line = answers.describe((A, B), found, 0, model, as_json=True)
    assert json.loads(line)["unsure_digits"] == [True, False]
    found = dataclasses.replace(found, reads_digits=False)
    assert not found.unsure_digits.any()
    found.outputs["first_digit"][:] = found.outputs["second_digit"][:] = np.nan
    assert not dataclasses.replace(found, reads_digits=True).unsure_digits.any()


A, B = "a.png", "b.png"
BAD = [
    (("predict",), 2, "needs two images, or --csv"),
    (("predict", A), 2, "needs two images, or --csv"),
    (("predict", A, B, A), 2, "unexpected argument: a.png"),
    (("predict", A, B, "--csv=pairs.csv"), 2, "--csv and images do not go together"),
    (("predict", A, B, "--json", "--request"), 2, "--json does not go with --request"),
    (("predict", A, B, "--split"), 2, "one image that shows two digits"),
    (("predict", A, "--split", "--csv=pairs.csv"), 2, "do not go together"),
    (("predict", "--split", "--csv=pairs.csv"), 2, "--csv does not go with --split"),
    (("predict", A, B, "--request", "--show=x.png"), 2, "does not go with --show"),
    (("predict", A, B, "--request", "--model=."), 2, "--request does not go with --model"),
    (("predict", "--csv=pairs.csv", "--show=x.png"), 2, "--csv does not go with --show"),
    (("predict", A, B, f"--show={B}"), 2, "would write over b.png, which is read"),
    (("predict", A, "--split", f"--show=./{A}"), 2, "would write over ./a.png, which"),
    (("predict", A, B, "--show=x.jpg"), 2, "a .png file, existing or new"),
    (("predict", A, B, "--show=none/x.png"), 2, "in an existing folder"),
    (("predict", A, "--split"), 1, "a.png: two digits are needed, 1 found"),
    (("predict", A, B, "--model=/no/such"), 2, "model=/no/such"),
    (("predict", "--csv=none.csv"), 2, "an existing file"),
    (("predict", "--csv=a.png"), 1, "a.png: not a CSV file"),
    (("predict", "--csv=empty.png"), 1, "empty.png: names no pair"),
    (("predict", "--nofilters"), 2, "nofilters"),
    (("predict", A, B, "--request=maybe"), 2, "request"),
    (("predict", A, "none.png", "--request"), 1, "none.png: No such file"),
    (("predict", A, "empty.png", "--request"), 1, "empty.png: an empty file"),
    (("predict", A, "pairs.csv", "--request"), 1, "not an image of a known format"),
    (("predict", A, "empty.png"), 1, "empty.png: an empty file"),
    (("predict", A, B, "--model=."), 1, "neither a SavedModel nor a folder of versions"),
    (("predict", A, B, "--model=a.png"), 1, "a.png: no such folder"),
    (("export", "--model=none"), 2, "an existing file or folder"),
    (("export", "--model=a.png", "--keep=1"), 2, "keep"),
    (("export", "--model=a.png", "--keep=few"), 2, "keep"),
    (("export", "--model=a.png", "--export_dir=b.png"), 2, "folder"),
    (("export", "--model=a.png", "stray"), 2, "stray"),
    (("export", "--model=.", "--export_dir=x"), 1, "a run folder holds model.keras"),
    (("export", "--model=a.png", "--export_dir=x"), 1, "a.png: not a Keras model"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), BAD, ids=lambda x: str(x)[:60])
def test_bad_command_lines_get_one_line(folder, arguments, code, message):
    assert_one_line(call(*arguments, cwd=folder), code, message)
    assert not list(folder.glob("x/[0-9]*"))


def test_export_of_a_run(folder, network):
    (folder / "run").mkdir()
    network.save(folder / "run" / "model.keras")
    metrics = {"test_accuracy": {"comparison": 0.5}, "config": {"seed": 3}, "dataset": {}}
    metrics |= {"preset": "best", "dataset": {"name": "digits"}}
    (folder / "run" / "metrics.json").write_text(json.dumps(metrics))
    done = command("export", "--model=run", "--export_dir=out", cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout == "SavedModel: out/1\n"
    served = comparer.load(folder / "out" / "1")
    assert served.card["training"]["config"]["seed"] == 3
    pair = folder / "a.png", folder / "b.png"
    expected = comparer.load(folder / "saved_models" / "digit_pairs").compare(*pair)
    found = served.compare(*pair)
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-5)
