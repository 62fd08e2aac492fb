"""The picture that `predict --show` writes, figure by figure."""

import json
import shutil

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
