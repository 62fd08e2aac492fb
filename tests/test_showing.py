"""The picture that `predict --show` writes, figure by figure."""

import json
import shutil

from PIL import Image

from keras_pairs import plots
from keras_pairs.serving import comparer, showing
from tests.helpers import draw


def test_show_has_no_bars_of_digits_that_nobody_taught(published, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save", lambda figure, path: drawn.append(figure))
    shutil.copytree(published, tmp_path / "1")
    draw(2, pen=8, side=84).save(tmp_path / "a.png")
    pictures = [(name, tmp_path / "a.png") for name in "ab"]
    for w_a in (0, 1):
        card = {"training": {"config": {"w_a": w_a}}}
        (tmp_path / "1" / "model_card.json").write_text(json.dumps(card))
        showing.show(pictures, comparer.load(tmp_path), tmp_path / "why.png")
        for axes in drawn.pop().axes[3::4]:
            texts = [text.get_text() for text in axes.texts]
            assert texts == ([] if w_a else [showing.UNTAUGHT])
            assert len(axes.patches) == (10 if w_a else 0)


def test_a_half_that_is_refused_has_its_name(published, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save", lambda figure, path: drawn.append(figure))
    draw(2, pen=8, side=84).save(tmp_path / "a.png")
    Image.new("L", (84, 84), 255).save(tmp_path / "b.png")
    files = [(tmp_path / name).read_bytes() for name in ("a.png", "b.png")]
    names = ["both.jpg (first)", "both.jpg (second)"]
    pictures = list(zip(names, files, strict=True))
    found = showing.show(pictures, comparer.load(published), tmp_path / "why.png")
    said = "both.jpg (second): shows no digit that can be found"
    assert found.errors == {0: said}
    assert drawn[0].get_suptitle() == said
