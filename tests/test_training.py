import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs import training
from keras_pairs.config import TrainingConfig
from keras_pairs.data import sample_pairs
from keras_pairs.model import build_model, initialize
from keras_pairs.training import answer, batches, fit, shuffled

slow = pytest.mark.slow
RATES = (0.01, 0.005, 0.001, 0.0005, 0.0001)


def thirteen(config):
    return [
        dataclasses.replace(config, lr=RATES[k % 5], w_a=k / 4, seed=k + 1)
        for k in range(13)
    ]


def assert_same_training(together, k, alone):
    """Member k and the lone network are one training, but for float32 rounding.

    Kernels for graphs of different sizes add up in different orders, so the gradients
    differ by some 1e-7 of the terms that they sum. Adam makes a step of about lr times the
    gradient over its own size: where a gradient cancels to that rounding, which is rare,
    the step's sign is arbitrary, and the weight ends 2·lr elsewhere at any precision. A
    variable as a whole may differ by one such weight; two trainings that really differ are
    lr apart in most of its weights, in each of the nine steps.

    A loss has slopes below 1/2, a normalised channel's statistics follow a weight by a few
    times its change, and one pair may lie on the threshold.
    """
    lr = alone.configs[0].lr
    for name, values in alone.history.items():
        atol = 1.01 / 60 if name.endswith("accuracy") else lr
        np.testing.assert_allclose(
            together.history[name][:, k], values[:, 0], rtol=1e-5, atol=atol, err_msg=name
        )
    member, single = together.member(k), alone.member(0)
    trained = {weight.path for weight in single.trainable_weights}
    for mine, other in zip(member.weights, single.weights, strict=True):
        difference = np.linalg.norm(np.asarray(mine) - np.asarray(other))
        assert difference <= (2 if other.path in trained else 10) * lr + 1e-5, other.path


@pytest.mark.parametrize("some", [(6,), pytest.param((0, 12), marks=slow)])
def test_member_of_thirteen_equals_training_alone(config, splits, some):
    configs = thirteen(config)
    together = fit(configs, splits)
    for k in some:
        alone = fit([configs[k]], splits)
        assert_same_training(together, k, alone)
        moved = np.abs(alone.history["loss"][-1] - alone.history["loss"][0])
        assert moved > 1e-4  # the comparison above is of trainings that went somewhere


def test_other_dropout_masks_are_another_training(config, splits, monkeypatch):
    """What tells trainings apart can do so, even at a small learning rate."""
    config = dataclasses.replace(config, lr=0.0005)
    together = fit([config, config], splits)
    monkeypatch.setattr(training, "STREAM_SEED", 1)
    alone = fit([config], splits)
    with pytest.raises(AssertionError):
        assert_same_training(together, 0, alone)
    alone.history.clear()
    with pytest.raises(AssertionError, match="conv_1/kernel"):
        assert_same_training(together, 0, alone)


def test_member_with_its_own_data_equals_training_alone(config, digits):
    configs = thirteen(config)[:4]
    data = [sample_pairs(digits, 60, seed) for seed in range(4)]
    together = fit(configs, data)
    alone = fit([configs[2]], data[2])
    assert_same_training(together, 2, alone)
    answers = answer(together.model, [d.test for d in data])
    (single,) = answer(alone.model, data[2].test)
    assert len(answers) == 4
    for name, values in answers[2].items():
        # A weight 2·lr elsewhere, as above; a probability's slope is 1/4 of its logit's.
        np.testing.assert_allclose(values, single[name], atol=2 * configs[2].lr)
    predicted = together.member(3).predict(data[3].test.images, verbose=0)
    for name, values in predicted.items():
        np.testing.assert_allclose(answers[3][name], values.squeeze(), atol=1e-5)


@pytest.mark.parametrize(
    ("preset", "own_data"),
    [
        ("best", True),
        pytest.param("best", False, marks=slow),
        pytest.param("shared", True, marks=slow),
        pytest.param("shared", False, marks=slow),
    ],
)
def test_beyond_the_paper_a_member_equals_training_alone(config, digits, preset, own_data):
    changes = {
        name: getattr(config, name) for name in ("epochs", "num_pairs", "batch_size")
    }
    config = TrainingConfig.from_preset(preset, nb_f=4, **changes)
    configs = thirteen(config)[:4]
    data = [sample_pairs(digits, 60, seed) for seed in range(4)]
    together = fit(configs, data if own_data else data[0])
    alone = fit([configs[2]], data[2] if own_data else data[0])
    assert_same_training(together, 2, alone)


def test_weight_averaging_ends_at_the_average_of_the_steps(config, splits):
    """One batch an epoch, so that every step is seen."""
    config = dataclasses.replace(config, weight_averaging=True, batch_size=60, epochs=8)
    steps = []

    class Steps(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            steps.append([np.asarray(w).copy() for w in self.model.trainable_weights])

    trained = fit([config], splits, validate=False, callbacks=[Steps()])
    assert len(steps) == 8
    expected = steps[0]
    for values in steps[1:]:
        pairs = zip(expected, values, strict=True)
        expected = [0.99 * average + 0.01 * value for average, value in pairs]
    weights = trained.model.trainable_weights
    for weight, average, last in zip(weights, expected, steps[-1], strict=True):
        np.testing.assert_allclose(weight, average, atol=1e-6)
        assert np.abs(average - last).max() > 1e-4


def test_a_diverging_member_leaves_the_others_to_the_bit(config, splits):
    configs = thirteen(config)[:3]
    sane = fit(configs, splits)
    configs[1] = dataclasses.replace(configs[1], lr=1e30)
    with_diverging = fit(configs, splits)
    assert not np.isfinite(with_diverging.history["loss"][-1, 1])
    for k in (0, 2):
        for name, values in sane.history.items():
            np.testing.assert_array_equal(values[:, k], with_diverging.history[name][:, k])
        for mine, other in zip(
            sane.member(k).weights,
            with_diverging.member(k).weights,
            strict=True,
        ):
            np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_between_members_are_zero(splits, training):
    model = build_model(4, 3, logits=True)
    initialize(model, [1, 2, 3])
    with tf.GradientTape() as tape:
        answers = model(splits.train.images[:10], training=training)
        loss = sum(tf.reduce_sum(value[:, 1] ** 2) for value in answers.values())
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        axis = 0 if len(variable.shape) in (2, 3) else -1
        first, own, third = np.split(np.asarray(gradient), 3, axis)
        assert not first.any() and not third.any(), variable.path
        assert own.any(), variable.path


@slow
def test_a_round_is_the_same_in_any_group(config, digits):
    configs = [dataclasses.replace(config, seed=seed) for seed in range(4)]
    data = [sample_pairs(digits, 60, seed) for seed in range(4)]
    together = fit(configs, data)
    assert_same_training(together, 3, fit(configs[3:], data[3:]))


@pytest.fixture(scope="module")
def history(config, splits):
    """Of the training of `config`."""
    return fit([config], splits).history


def test_history_is_eq1_of_its_parts(history):
    for prefix in ("", "val_"):
        main = history[f"{prefix}comparison_loss"]
        digits = (
            history[f"{prefix}first_digit_loss"] + history[f"{prefix}second_digit_loss"]
        )
        expected = (main + 0.7 * digits) / 1.7
        np.testing.assert_allclose(history[f"{prefix}loss"], expected, rtol=1e-5)
        assert history[f"{prefix}comparison_accuracy"].shape == (3, 1)


def test_validation_pairs_do_not_train(config, splits, history):
    unlike = dataclasses.replace(splits, validation=splits.test)
    other = fit([config], unlike).history
    np.testing.assert_array_equal(history["loss"], other["loss"])
    assert (history["val_loss"] != other["val_loss"]).any()


def test_learns_the_training_pairs(config, splits):
    config = dataclasses.replace(config, nb_f=8, epochs=60)
    history = fit([config], splits, validate=False).history
    assert history["comparison_accuracy"][-5:].mean() > 0.85
    assert "val_loss" not in history


def test_every_epoch_has_every_pair_once_in_a_new_order():
    count = 23
    numbers = np.arange(count)
    images = np.stack([numbers, -numbers], 1).astype("float32").reshape(count, 2, 1, 1)
    arrays = (images, numbers <= 0, numbers, -numbers)
    seen = [np.ravel(batch[:, 0]) for batch, _ in shuffled(arrays, 5, 3, seed=4)]
    epochs = np.split(np.concatenate(seen), 3)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), numbers)
    assert (epochs[0] != epochs[1]).any() and (epochs[1] != epochs[2]).any()
    for batch, targets in shuffled(arrays, 5, 1, seed=4):
        np.testing.assert_array_equal(np.ravel(batch[:, 0]), targets["first_digit"])
        np.testing.assert_array_equal(np.ravel(batch[:, 1]), targets["second_digit"])
        np.testing.assert_array_equal(targets["comparison"], targets["first_digit"] == 0)


@pytest.mark.parametrize("members", [None, 3])
def test_new_pairs_are_of_the_same_images_with_their_digits(members):
    """Pixels tell the image (and member), whose digit is its number modulo 10."""
    count = 20
    numbers = np.random.default_rng(0).permutation(2 * count).reshape(count, 2)
    if members:
        numbers = numbers[:, None] + 1000 * np.arange(members)[:, None]
    images = numbers[..., None, None].astype("float32")
    first, second = numbers[..., 0] % 10, numbers[..., 1] % 10
    epochs = [[], []]
    batched = shuffled((images, first <= second, first, second), 6, 2, 4, new_pairs=True)
    for i, (batch, targets) in enumerate(batched):
        pairs = np.asarray(batch)[..., 0, 0].astype(int)
        for side, name in enumerate(("first_digit", "second_digit")):
            np.testing.assert_array_equal(targets[name], pairs[..., side] % 10)
        at_most = pairs[..., 0] % 10 <= pairs[..., 1] % 10
        np.testing.assert_array_equal(targets["comparison"], at_most)
        epochs[i // 4] += pairs.reshape(-1, members or 1, 2).tolist()
    epochs = np.array(epochs)
    for epoch in epochs:
        for k in range(members or 1):
            used = np.sort(epoch[:, k].ravel())
            np.testing.assert_array_equal(used, 1000 * k + np.arange(2 * count))
    partners = [{frozenset(pair) for pair in epoch[:, 0].tolist()} for epoch in epochs]
    assert len(partners[0] & partners[1]) < 5


def test_batches_keep_the_last_one():
    arrays = (np.zeros((23, 2, 14, 14)), *[np.arange(23)] * 3)
    assert sum(len(images) for images, _ in batches(arrays, 5)) == 23


def test_members_must_share_what_the_graph_fixes(config, splits):
    other = dataclasses.replace(config, batch_size=10)
    with pytest.raises(ValueError, match="Members must share batch_size"):
        fit([config, other], splits)
    with pytest.raises(ValueError, match="one Splits or one per member"):
        fit([config], [splits, splits])


# A notebook on a processor without AVX-512, where oneDNN is off by default: TensorFlow is
# imported before this package and nobody has said anything about oneDNN.
NOTEBOOK = """
import os, sys
import numpy as np
import tensorflow as tf
del os.environ["TF_ENABLE_ONEDNN_OPTS"]
tf.constant(1)
print("imported", file=sys.stderr, flush=True)
sys.path.insert(0, sys.argv[1])
from keras_pairs.config import TrainingConfig
from keras_pairs.data import load_images, sample_pairs
from keras_pairs.training import fit
splits = sample_pairs(load_images("digits"), 60, seed=5)
configs = [TrainingConfig(4, 0.005, 20, w_a=k, epochs=2, seed=k) for k in range(3)]
history = fit(configs, splits).history
fit(configs[:2], splits)
np.save(sys.argv[2], history["val_loss"])
"""


@slow
def test_without_onednn_the_results_are_the_same_and_one_sentence_is_said(tmp_path):
    root = os.path.dirname(os.path.dirname(__file__))
    results = {}
    for onednn in "01":
        out = tmp_path / f"{onednn}.npy"
        environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": onednn}
        command = [sys.executable, "-c", NOTEBOOK, root, out]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        results[onednn] = np.load(out)
        told = done.stderr.partition("imported\n")[2].splitlines()
        assert len(told) == (onednn == "0"), told
        assert all("set TF_ENABLE_ONEDNN_OPTS=1 before" in line for line in told)
    # As in `assert_same_training`, with lr = 0.005.
    np.testing.assert_allclose(results["0"], results["1"], atol=0.005)
