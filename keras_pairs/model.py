"""The network of the paper (section II.A), for one member or many in one graph.

`build_model` is the only definition of the network. With `members=K` it holds K
independent networks side by side: member k owns channels k·nb_f … (k+1)·nb_f of every
convolution and batch normalisation, and slice k of every dense kernel. With
`members=1` that is exactly the paper's network.

Member k's weights start from its own seed. The dropout masks are drawn once, for one
member's shape, and shared by all: common random numbers, so that a member trained in a
population equals the same member trained alone, and the random numbers cost 1/K.
"""

import keras
import numpy as np

from keras_pairs import layers
from keras_pairs.config import OUTPUT_UNITS

BLOCKS = 6
HEAD_UNITS = 20
OUTPUTS = tuple(OUTPUT_UNITS)

# Mean and standard deviation of 14x14 MNIST pixels in [0, 1], as in the authors' code.
PIXEL_MEAN, PIXEL_STD = 0.1302, 0.3069


def build_model(nb_f, members=1, *, own_data=False, logits=False, mask_seed=0):
    """Builds the network of section II.A, or `members` independent copies of it.

    Args:
      nb_f: int >= 1, filters of each of the six convolutions, per member.
      members: int >= 1, K, the number of independent networks.
      own_data: False: all members read the same pairs, `pair` is float32
        [batch, 2, 14, 14]. True: each reads its own, `pair` is [batch, K, 2, 14, 14].
      logits: True: the outputs before sigmoid and softmax, as training wants them.
      mask_seed: int, seeds the dropout masks (used in training only).

    Returns:
      A functional `keras.Model` from `pair` (raw pixel values, 0…255) to a dict:
      `comparison` [batch, K] P(first <= second), `first_digit` and `second_digit`
      [batch, K, 10] class probabilities ([batch, 10] where K = 1). Its weights are not
      yet those of any seed: see `initialize`.

    Raises:
      ValueError: if nb_f or members is less than 1.
    """
    for name, value in (("nb_f", nb_f), ("members", members)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1. Received: {name}={value}")
    shape = (members, 2, 14, 14) if own_data else (2, 14, 14)
    pair = keras.Input(shape, name="pair")
    x = keras.layers.Rescaling(
        1 / (255 * PIXEL_STD), -PIXEL_MEAN / PIXEL_STD, name="normalise"
    )(pair)
    x = keras.layers.Reshape((shape[0] * 2 if own_data else 2, 14, 14), name="stack")(x)
    x = keras.layers.Permute((2, 3, 1), name="channels_last")(x)
    features = trunk(x, nb_f, members, own_data, mask_seed)
    outputs = {
        name: head(features, name, units, members, logits, mask_seed + BLOCKS + i)
        for i, (name, units) in enumerate(OUTPUT_UNITS.items())
    }
    return keras.Model(pair, outputs, name="digit_pairs")


def trunk(x, nb_f, members, own_data, mask_seed):
    """Six blocks of conv 3x3 → batch norm → ReLU → dropout 0.1: 14×14 → 2×2.

    Returns float32 [K, batch, 4·nb_f]: members first, as the heads' products want it.
    """
    for i in range(1, BLOCKS + 1):
        # Members that read the same pairs have no groups in their first convolution.
        groups = members if own_data or i > 1 else 1
        # No bias: the batch normalisation behind it would take it out again.
        x = layers.MemberConv2D(
            members * nb_f, 3, groups=groups, use_bias=False, name=f"conv_{i}"
        )(x)
        x = layers.MemberBatchNorm(name=f"batch_norm_{i}")(x)
        x = keras.layers.ReLU(name=f"relu_{i}")(x)
        x = layers.SharedDropout(0.1, members, mask_seed + i - 1, name=f"dropout_{i}")(x)
    return layers.SplitMembers(members, name="features")(x)


def head(features, name, units, members, logits, mask_seed):
    """Dense 20 → ReLU → dropout 0.5 → `units` outputs, for every member."""
    x = layers.MemberDense(HEAD_UNITS, members, name=f"{name}_hidden")(features)
    x = keras.layers.ReLU(name=f"{name}_relu")(x)
    x = layers.SharedDropout(0.5, None, mask_seed, name=f"{name}_dropout")(x)
    x = layers.MemberDense(units, members, name=f"{name}_logits")(x)
    x = layers.MembersToBatch(name=f"{name}_members")(x)
    if logits:
        return x
    return keras.layers.Activation("sigmoid" if units == 1 else "softmax", name=name)(x)


def initialize(model, seeds):
    """Gives member k of `model` the initial weights of `seeds[k]`.

    Kernels and biases are uniform in ±1/√fan_in, the default of the paper's framework.
    A member's weights depend on its seed alone, not on its neighbours.

    Args:
      model: from `build_model`, with K members.
      seeds: K ints >= 0.

    Raises:
      ValueError: if the number of seeds is not K.
    """
    members = count_members(model)
    if len(seeds) != members:
        raise ValueError(
            f"initialize needs one seed per member. Received: {len(seeds)} seeds for "
            f"{members} members"
        )
    rngs = [np.random.default_rng([seed, 0]) for seed in seeds]
    for layer in model.layers:
        if not isinstance(layer, (layers.MemberConv2D, layers.MemberDense)):
            continue
        kernel = layer.kernel.shape
        fan_in = int(np.prod(kernel[:-1])) if len(kernel) == 4 else kernel[1]
        for variable in layer.trainable_variables:
            axis = layers.member_axis(variable)
            shape = list(variable.shape)
            shape[axis] //= members
            limit = 1 / np.sqrt(fan_in)
            parts = [rng.uniform(-limit, limit, shape) for rng in rngs]
            variable.assign(np.concatenate(parts, axis).astype("float32"))


def count_members(model):
    """K, the number of networks that `model` holds."""
    return model.get_layer("features").members


def take_member(model, k, logits=False):
    """Copies member k of a population into a model of its own.

    Args:
      model: from `build_model`.
      k: int, 0 <= k < K.
      logits: as in `build_model`.

    Returns:
      A `build_model(nb_f)` with member k's weights, free of groups: it predicts what
      member k predicts (within 1e-5), and can be saved and exported.

    Raises:
      IndexError: if there is no member k.
    """
    members = count_members(model)
    if not 0 <= k < members:
        raise IndexError(f"There are {members} members. Received: k={k}")
    nb_f = model.get_layer("conv_1").filters // members
    single = build_model(nb_f, logits=logits)
    for layer in single.layers:
        if not isinstance(layer, layers.WITH_WEIGHTS):
            continue
        source = model.get_layer(layer.name)
        for variable, value in zip(layer.weights, source.weights, strict=True):
            parts = np.split(np.asarray(value), members, layers.member_axis(variable))
            variable.assign(parts[k])
    return single
