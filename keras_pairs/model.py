"""The network of the paper (section II.A) and its variants, for one member or many.

`build_model` is the only definition of the network. With `members=K` it holds K
independent networks side by side: member k owns the k-th of K equal parts of every
convolution's and batch normalisation's channels, and slice k of every dense kernel. With
`members=1` that is exactly the paper's network.

Member k's weights start from its own seed. The dropout masks are drawn once, for one
member's shape, and shared by all: common random numbers, so that a member trained in a
population equals the same member trained alone, and the random numbers cost 1/K.
"""

import keras
import numpy as np

from keras_pairs import layers
from keras_pairs.config import CLASSES, OUTPUT_UNITS, OUTPUTS

BLOCKS = 6
HEAD_UNITS = 20
# How far training images move at most: pixels, degrees, and fractions.
AUGMENTATION = {"shift": 1.5, "turn": 12, "scale": 0.12, "shear": 0.2}

# Mean and standard deviation of 14x14 MNIST pixels in [0, 1], as in the authors' code.
PIXEL_MEAN, PIXEL_STD = 0.1302, 0.3069


def build_model(
    nb_f,
    members=1,
    *,
    weight_sharing=False,
    trunk="paper",
    derived_comparison=False,
    augmentation=False,
    own_data=False,
    logits=False,
    mask_seed=0,
):
    """Builds the network of section II.A, or `members` independent copies of it.

    Args:
      nb_f: int >= 1, filters of each of the paper's six convolutions, of the first two of
        the padded trunk, per member.
      members: int >= 1, K, the number of independent networks.
      weight_sharing: False: the two images are the trunk's two input channels, as in the
        paper. True: the same trunk and class head see each image by itself, the
        comparison's head the features of both.
      trunk: a key of `TRUNKS`.
      derived_comparison: True: `comparison` has no head but follows from the classes, see
        `layers.DerivedComparison`.
      augmentation: True: training (only) sees each image moved a little, see
        `layers.RandomAffine`.
      own_data: False: all members read the same pairs, `pair` is float32
        [batch, 2, 14, 14]. True: each reads its own, `pair` is [batch, K, 2, 14, 14].
      logits: True: the outputs before sigmoid and softmax, as training wants them.
      mask_seed: int, seeds dropout masks and augmentation (used in training only).

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
    pair = keras.Input((members, 2, 14, 14) if own_data else (2, 14, 14), name="pair")
    x = layers.ImagesToBatch(name="images")(pair)
    if augmentation:
        seed = mask_seed + BLOCKS + len(OUTPUTS)
        x = layers.RandomAffine(**AUGMENTATION, seed=seed, name="augmentation")(x)
    x = keras.layers.Rescaling(
        1 / (255 * PIXEL_STD), -PIXEL_MEAN / PIXEL_STD, name="normalise"
    )(x)
    if not weight_sharing:
        x = layers.ImagesToChannels(name="stack")(x)
    # Members that read the same pairs have no groups in their first convolution.
    x = TRUNKS[trunk](x, nb_f, members, members if own_data else 1, mask_seed)
    features = layers.SplitMembers(members, name="features")(x)
    heads = shared_heads if weight_sharing else parallel_heads
    outputs = heads(features, members, derived_comparison, mask_seed + BLOCKS)
    for name, units in OUTPUT_UNITS.items():
        x = layers.MembersToBatch(name=f"{name}_members")(outputs[name])
        if not logits:
            kind = "sigmoid" if units == 1 else "softmax"
            x = keras.layers.Activation(kind, name=name)(x)
        outputs[name] = x
    return keras.Model(pair, {name: outputs[name] for name in OUTPUTS}, name="digit_pairs")


def block(x, filters, groups, padding, name):
    """Convolution 3×3 → batch norm → ReLU."""
    # No bias: the batch normalisation behind it would take it out again.
    x = layers.MemberConv2D(
        filters, 3, padding=padding, groups=groups, use_bias=False, name=f"conv_{name}"
    )(x)
    x = layers.MemberBatchNorm(name=f"batch_norm_{name}")(x)
    return keras.layers.ReLU(name=f"relu_{name}")(x)


def paper_trunk(x, nb_f, members, groups, mask_seed):
    """Six blocks of conv 3x3 → batch norm → ReLU → dropout 0.1: 14×14 → 2×2.

    Args:
      x: [n, 14, 14, channels].
      groups: int, of the first convolution: K or 1.

    Returns:
      [n, 2, 2, K·nb_f].
    """
    for i in range(1, BLOCKS + 1):
        x = block(x, members * nb_f, groups if i == 1 else members, "valid", i)
        x = layers.SharedDropout(0.1, members, mask_seed + i - 1, name=f"dropout_{i}")(x)
    return x


def padded_trunk(x, nb_f, members, groups, mask_seed):
    """Three times two padded blocks, pooling and dropout 0.1: 14×14 → 7×7 → 3×3 → 1×1.

    With nb_f, nb_f, 2·nb_f, 2·nb_f, 4·nb_f and 4·nb_f filters. Arguments as of
    `paper_trunk`; returns [n, 1, 1, K·4·nb_f].
    """
    for i in range(1, BLOCKS + 1):
        filters = members * nb_f * 2 ** ((i - 1) // 2)
        x = block(x, filters, groups if i == 1 else members, "same", i)
        if i % 2 == 0:
            x = keras.layers.MaxPooling2D(name=f"pool_{i}")(x)
            seed = mask_seed + i - 1
            x = layers.SharedDropout(0.1, members, seed, name=f"dropout_{i}")(x)
    return x


TRUNKS = {"paper": paper_trunk, "padded": padded_trunk}


def parallel_heads(features, members, derived_comparison, mask_seed):
    """A head for each output on [K, batch, features]: dict of logits [K, batch, units]."""
    outputs = {}
    for i, (name, units) in enumerate(OUTPUT_UNITS.items()):
        if name != "comparison" or not derived_comparison:
            outputs[name] = head(features, name, units, members, mask_seed + i)
    if derived_comparison:
        outputs["comparison"] = derive(outputs)
    return outputs


def shared_heads(features, members, derived_comparison, mask_seed):
    """As `parallel_heads` on [K, 2·batch, features], with one head for both digits."""
    digits = head(features, "digit", CLASSES, members, mask_seed + 1)
    digits = keras.layers.Reshape((-1, 2, CLASSES), name="digits")(digits)
    outputs = {"first_digit": digits[:, :, 0], "second_digit": digits[:, :, 1]}
    if derived_comparison:
        return outputs | {"comparison": derive(outputs)}
    both = keras.layers.Reshape((-1, 2 * features.shape[-1]), name="both_images")(features)
    comparison = head(both, "comparison", 1, members, mask_seed)
    return outputs | {"comparison": comparison}


def head(features, name, units, members, mask_seed):
    """Dense 20 → ReLU → dropout 0.5 → `units` outputs, for every member."""
    x = layers.MemberDense(HEAD_UNITS, members, name=f"{name}_hidden")(features)
    x = keras.layers.ReLU(name=f"{name}_relu")(x)
    x = layers.SharedDropout(0.5, None, mask_seed, name=f"{name}_dropout")(x)
    return layers.MemberDense(units, members, name=f"{name}_logits")(x)


def derive(outputs):
    """The comparison's logits from those of the two digits."""
    first, second = outputs["first_digit"], outputs["second_digit"]
    return layers.DerivedComparison(name="derived")(first, second)


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


def take_member(model, k, network):
    """Copies member k of a population into a model of its own.

    Args:
      model: from `build_model`.
      k: int, 0 <= k < K.
      network: dict, the arguments of `build_model` that decide the network; see
        `TrainingConfig.network`.

    Returns:
      A `build_model(**network)` with member k's weights, free of groups: it predicts what
      member k predicts (within 1e-5), and can be saved and exported.

    Raises:
      IndexError: if there is no member k.
    """
    members = count_members(model)
    if not 0 <= k < members:
        raise IndexError(f"There are {members} members. Received: k={k}")
    single = build_model(**network)
    for layer in single.layers:
        if not isinstance(layer, layers.WITH_WEIGHTS):
            continue
        source = model.get_layer(layer.name)
        for variable, value in zip(layer.weights, source.weights, strict=True):
            parts = np.split(np.asarray(value), members, layers.member_axis(variable))
            variable.assign(parts[k])
    return single
