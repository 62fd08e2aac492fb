"""keras-tuner's own tuners on our HyperModel: any field, through the same `fit`."""

import dataclasses
import pathlib
import re

import keras
import keras_tuner
import numpy as np
import pytest

import keras_pairs
from keras_pairs.config import TrainingConfig
from keras_pairs.training import fit
from tuner.hypermodel import PairsHyperModel
from tuner.oracle import OBJECTIVE
from tuner.space import SCORE, Grid

BASE = TrainingConfig(
    4,
    0.01,
    20,
    epochs=2,
    seed=1,
    num_pairs=60,
    augmentation=True,
    new_pairs=True,
    one_cycle=True,
    derived_comparison=True,
)
GRID = Grid({"lr": (0.01, 0.001), "label_smoothing": (0.0, 0.1)}, BASE)
DOCS = pathlib.Path(__file__).parent.parent / "docs" / "search.md"


class Epochs(keras.callbacks.Callback):
    """What a user's callback sees; stops after `most` epochs."""

    def __init__(self, most=99):
        super().__init__()
        self.most, self.seen, self.weights = most, [], []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((epoch, logs[SCORE]))
        self.weights.append(self.model.get_weights())
        self.model.stop_training = len(self.seen) == self.most


def chosen(grid=GRID, **values):
    """(hyper-parameters, hypermodel, network) of a point of a grid."""
    hp, model = keras_tuner.HyperParameters(), PairsHyperModel(grid)
    model.build(hp)
    hp.values |= values
    return hp, model, model.build(hp)


def test_a_trial_is_what_our_own_fit_gives(splits):
    hp, model, network = chosen(lr=0.001, label_smoothing=0.1)
    seen = Epochs()
    history = model.fit(hp, network, splits=splits, callbacks=[seen])
    config = dataclasses.replace(BASE, lr=0.001, label_smoothing=0.1)
    alone = fit.fit([config], splits)
    for mine, right in zip(
        network.get_weights(), alone.member(0).get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, right, atol=1e-6)
    np.testing.assert_allclose(history.history[SCORE], alone.history[SCORE][:, 0])
    assert [epoch for epoch, _ in seen.seen] == [0, 1]
    # What callbacks see, and could save, is the stock network after that epoch.
    assert seen.model is network
    for mine, right in zip(seen.weights[-1], network.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, right)


def test_who_stops_stops_the_training(splits):
    hp, model, network = chosen()
    history = model.fit(hp, network, splits=splits, epochs=5, callbacks=[Epochs(1)])
    assert len(history.history[SCORE]) == 1


def test_a_training_goes_on_from_the_weights_that_it_had(splits):
    hp, model, network = chosen()
    seen = Epochs()
    before = network.get_weights()
    for weights, variable in zip(before, network.weights, strict=True):
        variable.assign(weights + 0.5)
    model.fit(hp, network, splits=splits, epochs=3, initial_epoch=2, callbacks=[seen])
    assert [epoch for epoch, _ in seen.seen] == [2]
    assert np.abs(network.get_weights()[0] - before[0] - 0.5).max() < 0.1


def test_adams_moments_begin_anew_with_a_training_that_goes_on(splits):
    """Its first step is the learning rate, however many epochs there were before."""
    one_step = dataclasses.replace(BASE, batch_size=len(splits.train), one_cycle=False)
    hp, model, network = chosen(Grid({"lr": (0.01, 0.001)}, one_step), lr=0.001)
    before = [variable.numpy() for variable in network.trainable_variables]
    model.fit(hp, network, splits=splits, epochs=301, initial_epoch=300)
    after = [variable.numpy() for variable in network.trainable_variables]
    longest = max(np.abs(a - b).max() for a, b in zip(after, before, strict=True))
    np.testing.assert_allclose(longest, 0.001, rtol=1e-3)


def test_pairs_can_be_the_trials_own(digits):
    grid = Grid({"num_pairs": (20, 40)}, BASE)
    hp, model = keras_tuner.HyperParameters(), PairsHyperModel(grid)
    network = model.build(hp)
    model.fit(hp, network, images=digits, epochs=1)
    with pytest.raises(ValueError, match="either splits or images"):
        model.fit(hp, network)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning")
@pytest.mark.parametrize("name", ["RandomSearch", "BayesianOptimization", "Hyperband"])
def test_stock_tuners_search_any_field(name, splits, tmp_path):
    pytest.importorskip("tensorboard")  # keras-tuner's own run_trial imports it
    limits = {"max_epochs": 3} if name == "Hyperband" else {"max_trials": 3}
    tuner = getattr(keras_tuner, name)(
        PairsHyperModel(GRID), objective=OBJECTIVE, directory=tmp_path, seed=1, **limits
    )
    tuner.search(splits=splits, verbose=0)
    trials = tuner.oracle.get_best_trials(20)
    assert len(trials) >= 3 and {trial.status for trial in trials} == {"COMPLETED"}
    (model,) = tuner.get_best_models()
    assert set(model.output) == {"comparison", "first_digit", "second_digit"}
    # The network that was kept scores what its trial says.
    validation = splits.validation
    answers = model.predict(validation.images, verbose=0)["comparison"][:, 0]
    right = (answers >= 0.5) == (validation.digits[:, 0] <= validation.digits[:, 1])
    assert right.mean() == pytest.approx(trials[0].score, abs=0.02)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning")
def test_the_example_of_the_docs_runs(splits, tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard")
    text = DOCS.read_text("utf-8")
    (code,) = re.findall(r"<!-- example: stock tuner -->\n```python\n(.*?)```", text, re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras_pairs, "load_images", lambda: None)
    monkeypatch.setattr(keras_pairs, "sample_pairs", lambda images: splits)
    exec(compile(code.replace("epochs=10", "epochs=1"), str(DOCS), "exec"), {})
    assert "Score: " in capsys.readouterr().out
