"""The network of section II.A, for one member in stock Keras or for K in one graph."""

import keras

from keras_pairs.config import TrainingConfig
from keras_pairs.networks import heads, initial
from keras_pairs.networks.stock import StockKit
from keras_pairs.outputs import OUTPUTS
from keras_pairs.trunks import TRUNKS

# Mean and standard deviation of 14×14 MNIST pixels in [0, 1], as in the authors' code.
PIXEL_MEAN, PIXEL_STD = 0.1302, 0.3069


def logits_of(pair, config, kit):
    """Section II.A from the input to the logits, in the layers of a kit.

    Args:
      pair: the kit's input, raw pixels 0…255.
      config: `TrainingConfig`.
      kit: `stock.StockKit` or `population.PopulationKit`.

    Returns:
      dict by output name of logits, in the kit's layout.
    """
    x = keras.layers.Rescaling(
        1 / (255 * PIXEL_STD), -PIXEL_MEAN / PIXEL_STD, name="normalise"
    )(pair)
    x = kit.as_images(x) if config.weight_sharing else kit.as_channels(x)
    x = apply_trunk(TRUNKS[config.trunk], x, config.nb_f, kit)
    make_heads = heads.shared_heads if config.weight_sharing else heads.parallel_heads
    return make_heads(kit.features(x), config.derived_comparison, kit)


def apply_trunk(trunk, x, nb_f, kit):
    """Applies a trunk to images.

    Args:
      trunk: `Trunk`.
      x: images as the kit lays them out.
      nb_f: int >= 1.
      kit: `stock.StockKit` or `population.PopulationKit`.
    """
    for i, width in enumerate(trunk.widths, 1):
        for layer in trunk.block:
            if layer == "conv":
                x = kit.conv(x, width * nb_f, trunk.padding, f"conv_{i}")
            elif layer == "batch_norm":
                x = kit.batch_norm(x, f"batch_norm_{i}")
            else:
                x = kit.relu(x, f"relu_{i}")
        if i in trunk.pool_after:
            x = kit.max_pool(x, f"pool_{i}")
        if i in trunk.dropout_after:
            x = kit.dropout(x, trunk.dropout, f"dropout_{i}")
    return x


def build_model(config: TrainingConfig) -> keras.Model:
    """Builds the network that a configuration describes, untrained, in stock Keras.

        config = TrainingConfig.from_preset(nb_f=8)
        model = build_model(config)
        model.output["comparison"].shape    # (None, 1)

    Args:
      config: `TrainingConfig`; its `seed` decides the initial weights.

    Returns:
      A functional `keras.Model` named "digit_pairs" of Keras' own layers, in which each
      network of a committee is a model by itself; from `pair`
      float32 [batch, 2, 14, 14], raw pixel values 0…255, to a dict: `comparison`
      [batch, 1], P(first <= second), `first_digit` and `second_digit` [batch, 10], class
      probabilities.
    """
    kit = StockKit()
    pair = kit.pair()
    if config.committee > 1:
        logits = _committee(pair, config, kit)
    else:
        logits = logits_of(pair, config, kit)
    outputs = {
        output.name: kit.probabilities(logits[output.name], output) for output in OUTPUTS
    }
    model = keras.Model(pair, outputs, name="digit_pairs")
    for network, alone in zip(networks_of(model), config.networks(), strict=True):
        initial.initialize(network, alone.seed)
    return model


def _committee(pair, config, kit):
    """The logits of a committee, whose networks are models within the model."""
    every = []
    for i, alone in enumerate(config.networks(), 1):
        own = kit.pair()
        network = keras.Model(own, logits_of(own, alone, kit), name=f"network_{i}")
        every.append(network(pair))
    logits = {
        output.name: kit.side_by_side([network[output.name] for network in every])
        for output in OUTPUTS
    }
    return heads.agree(logits, config.derived_comparison)


def networks_of(model):
    """The networks of a model of `build_model`: a committee's, or the model itself."""
    inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return inside or [model]
