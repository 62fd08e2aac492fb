"""A run folder, written and read."""

import numpy as np
import pytest

from keras_pairs import files
from keras_pairs.errors import UserError
from keras_pairs.networks.build import build_model
from keras_pairs.training.run import load_run
from tests import networks

ORIGIN = {"test_accuracy": {"comparison": 0.9}, "config": {"seed": 3}}


def test_a_run_and_its_model_are_read(tmp_path):
    model = build_model(networks.config(nb_f=1))
    model.save(tmp_path / "model.keras")
    pair = networks.some_pairs(1)
    for path in (tmp_path, tmp_path / "model.keras"):
        loaded, origin = load_run(path)
        assert origin is None
        np.testing.assert_array_equal(loaded(pair)["comparison"], model(pair)["comparison"])
    files.write_json(tmp_path / "metrics.json", ORIGIN)
    assert load_run(tmp_path)[1] == ORIGIN
    (tmp_path / "bad.keras").write_text("no model")
    for path, message in (("bad.keras", "not a Keras model"), ("none", "no such file")):
        with pytest.raises(UserError, match=message):
            load_run(tmp_path / path)
