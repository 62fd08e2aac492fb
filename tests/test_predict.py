"""`predict` and `export`."""

import base64
import json

import numpy as np
import pytest
from PIL import Image

from keras_pairs import inference
from tests.helpers import assert_one_line, call, command


@pytest.fixture
def folder(tmp_path, digits, published):
    """A working folder as the README has it, with pictures and a table of pairs."""
    models = tmp_path / "saved_models"
    models.mkdir()
    (models / "digit_pairs").symlink_to(published.parent)
    for i, name in enumerate(("a", "b", "c")):
        picture = Image.fromarray(255 - digits.x_test[i]).resize((84, 84))
        picture.save(tmp_path / f"{name}.png")
    Image.open(tmp_path / "c.png").save(tmp_path / "c.jpg")
    (tmp_path / "empty.png").touch()
    (tmp_path / "pairs.csv").write_text(
        "first,second\na.png,b.png\n\na.png,empty.png\nalone\nc.jpg,a.png\nb.png, c.jpg\n"
    )
    return tmp_path


@pytest.mark.parametrize("run", [call, command])
def test_one_pair_is_one_line(folder, run):
    done = run("predict", "a.png", "b.png", cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    model = inference.load(folder / "saved_models" / "digit_pairs")
    expected = model.compare(folder / "a.png", folder / "b.png")
    probability = expected.probability[0]
    verdict = "yes" if probability >= 0.5 else "no"
    first, second = expected.digits[0]
    read = f"probability {probability:.3f}; reads {first} and {second}"
    assert done.stdout == f"a.png <= b.png: {verdict} ({read})\n"


def test_a_table_of_pairs(folder):
    done = call("predict", f"--csv={folder}/pairs.csv", "--json", cwd=folder)
    assert done.returncode == 1
    assert done.stderr == "error: 2 of 5 pairs could not be compared\n"
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[1]["error"] == f"{folder}/empty.png: an empty file"
    assert records[2] == {"error": f"{folder}/pairs.csv, line 5: 1 cells, not 2"}
    model = inference.load(folder / "saved_models" / "digit_pairs")
    for record in (records[0], records[3], records[4]):
        pair = folder / record["first"], folder / record["second"]
        expected = model.compare(*pair)
        assert record["comparison"] == pytest.approx(expected.probability[0], abs=1e-5)
        assert record["verdict"] == expected.verdict[0]
        assert [record["first_digit"], record["second_digit"]] == list(expected.digits[0])
    text = call("predict", f"--csv={folder}/pairs.csv", cwd=folder).stdout.splitlines()
    assert text[1] == f"a.png ? empty.png: {folder}/empty.png: an empty file"
    assert len(text) == 5 and text[4].startswith("b.png <= c.jpg: ")


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
    found = inference.load(published).compare_files(rows)
    names = (("a.png", "b.png"), ("c.jpg", "a.png"), ("b.png", "c.jpg"))
    paths = [[folder / name for name in pair] for pair in names]
    expected = inference.load(published).compare_files(paths)
    np.testing.assert_array_equal(found.probability, expected.probability)


A, B = "a.png", "b.png"
BAD = [
    (("predict",), 2, "needs two images, or --csv"),
    (("predict", A), 2, "needs two images, or --csv"),
    (("predict", A, B, A), 2, "unexpected argument: a.png"),
    (("predict", A, B, "--csv=pairs.csv"), 2, "--csv and images do not go together"),
    (("predict", A, B, "--json", "--request"), 2, "--json does not go with --request"),
    (("predict", A, B, "--model=/no/such"), 2, "model=/no/such"),
    (("predict", "--csv=none.csv"), 2, "no such file"),
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
    (("export",), 2, "--model is missing"),
    (("export", "--model=none"), 2, "no such file or folder"),
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
    (folder / "run" / "metrics.json").write_text(json.dumps(metrics))
    runs = ((1, "run", call), (2, "run/model.keras", command))
    for version, model, run in runs:
        done = run("export", f"--model={model}", "--export_dir=out", cwd=folder)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        assert done.stdout == f"SavedModel: out/{version}\n"
        served = inference.load(folder / "out" / str(version))
        assert served.card["training"]["config"]["seed"] == 3
        pair = folder / "a.png", folder / "b.png"
        expected = inference.load(folder / "saved_models" / "digit_pairs").compare(*pair)
        found = served.compare(*pair)
        np.testing.assert_allclose(found.probability, expected.probability, atol=1e-5)
