"""Damaged image files: an answer or one sentence, whatever was done to them."""

import io
import random
import tempfile

import pytest
from PIL import Image

from benchmarks import damage, fuzz, pictures
from keras_pairs.errors import UserError
from keras_pairs.pictures.image_files import KEPT_SIDE, read_png
from tests.helpers import call
from tests.picture_files import HAS_AVIF, heif

SAMPLES = damage.samples()


@pytest.mark.parametrize("form", SAMPLES)
def test_whole_samples_are_read(tmp_path, form):
    refused = []
    for i, content in enumerate(SAMPLES[form]):
        path = tmp_path / str(i)
        path.write_bytes(content)
        try:
            with Image.open(io.BytesIO(read_png(path))) as image:
                assert sorted(image.size) == sorted((damage.WIDTH, damage.HEIGHT))
        except UserError as error:
            refused.append(str(error))
    words = {"TIFF": "fractions", "AVIF": "animated"}
    assert len(refused) == (form in words), refused
    assert all(words[form] in sentence for sentence in refused)


@pytest.mark.parametrize("form", SAMPLES)
def test_damaged_ones_are_read_or_refused_in_one_line(tmp_path, form, capfd):
    chance, read, sentences = random.Random(form), 0, set()
    for i in range(40):
        whole = chance.choice(SAMPLES[form])
        content = damage.damaged(whole, SAMPLES[form], chance)
        assert content not in (whole, b"")
        path = tmp_path / f"{i}.png"
        path.write_bytes(content)
        try:
            found = read_png(path)
        except UserError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            sentences.add(str(error).removeprefix(f"{path}: "))
            continue
        read += 1
        assert found.startswith(damage.PNG_SIGNATURE)
        if found != content:
            with Image.open(io.BytesIO(found)) as image:
                image.load()
                assert max(image.size) <= KEPT_SIDE
    assert read and sentences
    assert capfd.readouterr() == ("", "")


def test_the_same_seed_does_the_same_damage():
    def made(seed):
        chance = random.Random(seed)
        return [
            damage.damaged(SAMPLES["PNG"][0], SAMPLES["PNG"], chance) for _ in range(50)
        ]

    assert made("a") == made("a") != made("b")
    assert len(set(made("a"))) > 45


ANSWERS = {
    "not answered in": "import time; time.sleep(60)",
    "the process ended with 7": "import os; os._exit(7)",
    "left on stderr: a word": "import sys; print('a word', file=sys.stderr); print('{}')",
    "not one sentence: a\nb": 'print(\'{"refused": "a\\\\nb"}\')',
}


@pytest.mark.parametrize("failure", ANSWERS)
def test_other_ends_are_noticed(tmp_path, failure, monkeypatch):
    """And the next file is answered all the same."""
    loop = f"""
import sys
print("{{}}", flush=True)
for line in sys.stdin:
    if line.strip() == "bad":
        {ANSWERS[failure]}
    else:
        print('{{"seconds": 1, "mib": 2}}')
    sys.stdout.flush()
"""
    monkeypatch.setattr(fuzz, "ANSWER", loop)
    with tempfile.TemporaryFile("w+") as log:
        asked = fuzz.Asked(log)
        assert asked.ask("good") == {"seconds": 1, "mib": 2}
        monkeypatch.setattr(fuzz, "LIMIT_S", 0.5 if failure == "not answered in" else 20)
        assert asked.ask("bad")["failed"].startswith(failure)
        monkeypatch.setattr(fuzz, "LIMIT_S", 20)
        assert asked.ask("good") == {"seconds": 1, "mib": 2}
        asked.stop()


def test_a_failure_is_told_and_exit_code_1(tmp_path, monkeypatch):
    row = {"format": "PNG", "files": 9, "answered": 5, "refused": 3, "slowest_s": 0.1}
    row |= {"peak_mib": 2000, "failed": ["8.png: died"], "sentences": {}}
    monkeypatch.setattr(fuzz, "fuzz", lambda count, seed: [row])
    done = call("benchmarks.fuzz", f"--run_dir={tmp_path}", "--files=9")
    assert done.returncode == 1 and "PNG 8.png: died" in done.stdout
    assert "PNG, failed: 1, at most 0; PNG, MiB to read one: 2e+03" in done.stderr
    assert (tmp_path / "results.json").is_file()


@pytest.mark.slow
def test_damaged_files_and_the_model_in_the_box():
    """More than 300, in a process of limited memory."""
    heif()
    rows = list(fuzz.fuzz(40, seed=1))
    assert sum(row["files"] for row in rows) >= 300
    for row in rows:
        assert not row["failed"] and row["answered"] and row["refused"], row
        assert row["peak_mib"] < fuzz.PEAK_MIB


def test_pictures_are_timed_and_their_memory_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "SIZES", {"280 px": (280, 280), "1 MP": (1300, 800)})
    for name in ("keras_pairs", "saved_models"):
        (tmp_path / name).symlink_to(pictures.ROOT / name)
    done = call("benchmarks.pictures", f"--before={tmp_path}", f"--run_dir={tmp_path}/x")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 4 and "JPEG, 1 MP" in done.stdout
    monkeypatch.setattr(pictures, "BOUNDS", {"JPEG": 0, "PNG": 0})
    found = {"ms": 1, "mib": 3, "answer_ms": 2, "answer_mib": 4}
    monkeypatch.setattr(pictures, "read", lambda *where: found)
    done = call("benchmarks.pictures", f"--run_dir={tmp_path}/x")
    assert done.returncode == 1 and "PNG, 1 MP, MiB: 3, at most 0" in done.stderr


@pytest.fixture(scope="module")
def fifty_megapixels():
    return pictures.photo(*pictures.SIZES["50 MP"])


OPTIONS = {
    "progressive.JPEG": {"progressive": True, "subsampling": 0},
    "PNG": {"compress_level": 1},
    "turned.TIFF": {"tiffinfo": {274: 6}},
    "LZW.TIFF": {"compression": "tiff_lzw"},
    "AVIF": {"speed": 10},
    "WEBP": {"method": 0},
}
# MiB; docs/serving.md has the first, the second and the last.
LARGEST = {"JPEG": 16, "progressive.JPEG": 400, "PNG": 256, "BMP": 256, "GIF": 256}
LARGEST |= {"turned.TIFF": 512, "LZW.TIFF": 512, "AVIF": 1024, "WEBP": 1024}


@pytest.mark.slow
@pytest.mark.parametrize("form", LARGEST)
def test_reading_the_largest_stays_within_its_memory(tmp_path, form, fifty_megapixels):
    path, written = tmp_path / "a", form.rpartition(".")[2]
    if written == "AVIF" and not HAS_AVIF:
        pytest.skip("this Pillow has no AVIF")
    # As a camera that was turned stores it: its rotation sets it upright.
    turned = form.startswith("turned")
    picture = (
        fifty_megapixels.transpose(Image.Transpose.ROTATE_90)
        if turned
        else fifty_megapixels
    )
    picture.save(path, written, **OPTIONS.get(form, {}))
    found = pictures.read(path)
    assert "refused" not in found
    assert found["mib"] < LARGEST[form]
