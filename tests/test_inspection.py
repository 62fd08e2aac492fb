"""Pictures and scores of a published model."""

from keras_pairs import plots
from keras_pairs.networks.build import build_model
from keras_pairs.serving import inspection, publishing
from tests import networks


def test_a_model_that_learned_no_digits_shows_none(digits, tmp_path, monkeypatch):
    publishing.publish(
        build_model(networks.config(nb_f=1)), tmp_path / "model", {"config": {"w_a": 0.0}}
    )
    drawn = []
    monkeypatch.setattr(plots, "plot_pairs", lambda cells, *_: drawn.extend(cells))
    found = inspection.inspect(tmp_path / "model", digits, 0, tmp_path)
    assert set(found["accuracy"]) == {"comparison"}
    assert len(drawn) == inspection.SHOWN + found["mistakes"]
    assert {caption.split()[0] for _, caption, _ in drawn} <= {"≤", ">"}
