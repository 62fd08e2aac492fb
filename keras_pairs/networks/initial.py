"""Initial weights, and random streams by name."""

import zlib

import numpy as np


def stream(name):
    """The number of the random stream of that name, int in 0…2³¹−1.

    Streams are named, not counted: a new layer or output shifts nobody else's.
    """
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def initialize(model, seed):
    """Gives a stock network the initial weights of `seed`.

    Kernels and biases are uniform in ±1/√fan_in, the default of the paper's framework.

    Args:
      model: from `build.build_model`.
      seed: int >= 0.
    """
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            shapes = [tuple(variable.shape) for variable in layer.trainable_variables]
            for variable, value in zip(
                layer.trainable_variables, draw(layer.name, shapes, seed), strict=True
            ):
                variable.assign(value)


def draw(name, shapes, seed):
    """Initial values of a layer.

    Args:
      name: str, the layer's.
      shapes: of its kernel and, where it has one, its bias.
      seed: int >= 0.

    Returns:
      list of float32 arrays of these shapes.
    """
    rng = np.random.default_rng([stream(name), seed])
    limit = 1 / np.sqrt(np.prod(shapes[0][:-1]))
    return [rng.uniform(-limit, limit, shape).astype("float32") for shape in shapes]
