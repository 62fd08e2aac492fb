"""Pictures and scores of a published model."""

import types

import numpy as np

from keras_pairs import files, plots
from keras_pairs.networks.build import build_model
from keras_pairs.serving import comparer, inspection, publishing
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


def test_of_many_mistakes_the_first_are_drawn(digits, tmp_path, monkeypatch):
    def compare(first, second):
        tens = np.full((len(first), 10), 0.1, "float32")
        outputs = {"comparison": tens[:, 0], "first_digit": tens, "second_digit": tens}
        return comparer.Comparison(outputs)

    model = types.SimpleNamespace(path=tmp_path / "m" / "2", name="m/2", card=None)
    model.compare, model.reads_digits = compare, True
    monkeypatch.setattr(comparer, "load", lambda path: model)
    monkeypatch.setattr(plots, "plot_reliability", lambda *arguments: None)
    drawn = {}
    monkeypatch.setattr(
        plots,
        "plot_pairs",
        lambda cells, title, path: drawn.update({path.name: (cells, title)}),
    )
    for most, which in ((5, "5 of"), (1000, "all")):
        monkeypatch.setattr(inspection, "MOST_MISTAKES", most)
        found = inspection.inspect(model.path, digits, 0, tmp_path)["mistakes"]
        cells, title = drawn["mistakes.png"]
        assert 5 < found < 1000 and len(cells) == min(most, found)
        assert title.startswith(f"m/2: {which} {found} mistakes (")
        assert files.read_json(tmp_path / "results.json")["mistakes"] == found
