"""Pictures and scores of a published model."""

from keras_pairs import plots
from keras_pairs.serving import inspection


def test_a_model_that_learned_no_digits_shows_none(digits, untaught, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "plot_pairs", lambda cells, *_: drawn.extend(cells))
    found = inspection.inspect(untaught, digits, 0, tmp_path)
    assert set(found["accuracy"]) == {"comparison"}
    assert len(drawn) == inspection.SHOWN + found["mistakes"]
    assert {caption.split()[0] for _, caption, _ in drawn} <= {"≤", ">"}
