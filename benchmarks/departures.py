"""What the authors' published code does differently from their text, one thing at a time.

    python -m benchmarks.departures mnist.npz 16,0 32,0:authors

For each `nb_f,w_a` of Table I: ten rounds of the network as the text has it and of each
departure (or of those named behind the colon), the test pairs scored after every epoch.
The last epoch is what we report everywhere; the best epoch on the test pairs is what the
authors' grid search kept, shown to tell how much that alone is worth. Nothing is chosen by
these figures.
"""

import contextlib
import dataclasses
import sys

import keras
import numpy as np
import tensorflow as tf

from keras_pairs import data, layers, model, training
from keras_pairs.commands.runner import import_tensorflow, say
from keras_pairs.config import TrainingConfig
from keras_pairs.outputs import OUTPUT_UNITS
from keras_pairs.paper import TABLE1

ROUNDS = 10
DEPARTURES = {
    "text": (),
    "relu_first": ("relu_first",),
    "channel_dropout": ("channel_dropout",),
    "shared_hidden": ("shared_hidden",),
    "momentum_0.99": ("slow_momentum",),
    "authors": ("relu_first", "channel_dropout", "shared_hidden"),
}


class ChannelDropout(layers.SharedDropout):
    """Drops whole feature maps: the mask has no height and width of its own."""

    def call(self, inputs, training=None):
        if not training:
            return inputs
        batch, height, width = tf.unstack(tf.shape(inputs)[:3])
        maps = inputs.shape[-1] // self.members
        mask = self._mask([batch, 1, 1, 1, maps])
        blocks = tf.reshape(inputs, [batch, height, width, self.members, maps])
        return tf.reshape(blocks * mask, tf.shape(inputs))


@contextlib.contextmanager
def departing(things):
    """Within it `build_model` builds the network with these departures."""

    def trunk(x, nb_f, members, groups, mask_seed):
        momentum = 0.99 if "slow_momentum" in things else 0.9
        dropout = ChannelDropout if "channel_dropout" in things else layers.SharedDropout
        for i in range(1, model.BLOCKS + 1):
            convolution = layers.MemberConv2D(
                members * nb_f,
                3,
                groups=groups if i == 1 else members,
                use_bias=False,
                name=f"conv_{i}",
            )
            norm = layers.MemberBatchNorm(momentum, name=f"batch_norm_{i}")
            both = [norm, keras.layers.ReLU(name=f"relu_{i}")]
            x = convolution(x)
            for layer in both[:: -1 if "relu_first" in things else 1]:
                x = layer(x)
            x = dropout(0.1, members, mask_seed + i - 1, name=f"dropout_{i}")(x)
        return x

    def one_hidden(features, members, derived_comparison, mask_seed):
        x = layers.MemberDense(model.HEAD_UNITS, members, name="hidden")(features)
        x = keras.layers.ReLU(name="relu")(x)
        x = layers.SharedDropout(0.5, None, mask_seed, name="dropout")(x)
        return {
            name: layers.MemberDense(units, members, name=f"{name}_logits")(x)
            for name, units in OUTPUT_UNITS.items()
        }

    before = model.TRUNKS["paper"], model.parallel_heads
    model.TRUNKS["paper"] = trunk
    if "shared_hidden" in things:
        model.parallel_heads = one_hidden
    try:
        yield
    finally:
        model.TRUNKS["paper"], model.parallel_heads = before


def accuracies(config, images, things):
    """Test accuracies in percent, float arrays [ROUNDS]: (last epoch, best epoch)."""
    splits = [data.sample_pairs(images, 1000, seed) for seed in range(ROUNDS)]
    on_test = [dataclasses.replace(s, validation=s.test) for s in splits]
    configs = [dataclasses.replace(config, seed=seed) for seed in range(ROUNDS)]
    keras.backend.clear_session()
    with departing(things):
        history = training.fit(configs, on_test).history["val_comparison_accuracy"]
    return 100 * history[-1], 100 * history.max(0)


def main(path, *cases):
    images = data.load_images("mnist", path)
    import_tensorflow()
    say("| nb_f | w_a | network | last epoch | best epoch on test | paper |")
    say("|---:|---:|:---|---:|---:|---:|")
    for case in cases:
        row, _, names = case.partition(":")
        nb_f, w_a = row.split(",")
        config = TrainingConfig.from_preset(nb_f=int(nb_f), w_a=float(w_a))
        (row,) = (r for r in TABLE1 if r.nb_f == config.nb_f and r.w_a == config.w_a)
        for name in names.split(",") if names else DEPARTURES:
            shown = [
                f"{np.mean(x):.2f} ± {np.std(x, ddof=1):.2f}"
                for x in accuracies(config, images, DEPARTURES[name])
            ]
            paper = f"{row.mean:.2f} ± {row.std:.2f}"
            say(f"| {nb_f} | {w_a} | {name} | {shown[0]} | {shown[1]} | {paper} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
