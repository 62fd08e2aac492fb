"""The paper's network in JAX, with `vmap` over members.

Weights have the names and shapes of `networks.population`'s, without its member axis.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import peer_case
from keras_pairs.outputs import OUTPUTS
from keras_pairs.trunks import TRUNKS


def initial(nb_f, seed):
    """({layer: parameters}, {layer: moving mean and variance}) of one network."""
    rng, trunk = np.random.default_rng(seed), TRUNKS["paper"]
    parameters, moving, channels = {}, {}, 2

    def uniform(*shape, fan_in):
        limit = fan_in**-0.5
        return jnp.asarray(rng.uniform(-limit, limit, shape), "float32")

    def dense(name, inputs, units):
        parameters[name] = (
            uniform(inputs, units, fan_in=inputs),
            uniform(units, fan_in=inputs),
        )

    for i in range(1, len(trunk.widths) + 1):
        kernel = uniform(3, 3, channels, nb_f, fan_in=9 * channels)
        parameters[f"conv_{i}"] = (kernel,)
        parameters[f"batch_norm_{i}"] = (jnp.ones(nb_f), jnp.zeros(nb_f))
        moving[f"batch_norm_{i}"] = (jnp.zeros(nb_f), jnp.ones(nb_f))
        channels = nb_f
    for output in OUTPUTS:
        features = nb_f * trunk.sides()[-1] ** 2
        dense(f"{output.name}_hidden", features, peer_case.HIDDEN_UNITS)
        dense(f"{output.name}_logits", peer_case.HIDDEN_UNITS, output.units)
    return parameters, moving


def convolution(x, kernel):
    """A convolution of [n, h, w, c] without padding."""
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def product(x, kernel):
    """The same as one matrix product, of the pixels under each place of the kernel."""
    rows, columns, channels, filters = kernel.shape
    height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    shifted = [
        x[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)
    ]
    matrix = kernel.reshape(rows * columns * channels, filters)
    return jnp.concatenate(shifted, -1) @ matrix


def logits(parameters, moving, pair, training=False, key=None, convolve=convolution):
    """(logits by output name, what becomes of `moving`) of one network.

    Args:
      parameters, moving: as of `initial`.
      pair: float32 [n, 2, 14, 14], raw pixels.
      training: whether batch norms use the batch's moments.
      key: of dropout; None: no dropout.
      convolve: `convolution` or `product`.
    """
    trunk, new = TRUNKS["paper"], {}
    x = (pair.transpose(0, 2, 3, 1) / 255 - peer_case.PIXEL_MEAN) / peer_case.PIXEL_STD
    for i in range(1, len(trunk.widths) + 1):
        (kernel,), name = parameters[f"conv_{i}"], f"batch_norm_{i}"
        x = convolve(x, kernel)
        mean, variance = moving[name]
        if training:
            count = x.size / x.shape[-1]
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            now = mean, variance * count / (count - 1)
            keep = peer_case.MOMENTUM
            new[name] = tuple(
                keep * old + (1 - keep) * fresh
                for old, fresh in zip(moving[name], now, strict=True)
            )
        gamma, beta = parameters[name]
        x = (x - mean) * jax.lax.rsqrt(variance + peer_case.EPSILON) * gamma + beta
        x = _dropout(jax.nn.relu(x), trunk.dropout, key, i)
    x = x.reshape(len(x), -1)
    found = {}
    for i, output in enumerate(OUTPUTS, 100):
        hidden = _dense(x, parameters[f"{output.name}_hidden"])
        hidden = _dropout(jax.nn.relu(hidden), peer_case.HEAD_DROPOUT, key, i)
        found[output.name] = _dense(hidden, parameters[f"{output.name}_logits"])
    return found, new


def _dense(x, kernel_and_bias):
    kernel, bias = kernel_and_bias
    return x @ kernel + bias


def _dropout(x, rate, key, number):
    if key is None:
        return x
    keep = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)


def loss(parameters, moving, weights, pair, targets, key=None, convolve=convolution):
    """(Eq. (1) of one network in training, what becomes of `moving`)."""
    found, new = logits(parameters, moving, pair, True, key, convolve)
    total = 0.0
    for output in OUTPUTS:
        y, wanted = found[output.name], targets[output.name]
        if output.binary:
            each = jnp.logaddexp(0, y[:, 0]) - wanted * y[:, 0]
        else:
            every = jax.nn.log_softmax(y)
            each = -jnp.take_along_axis(every, wanted[:, None], 1)[:, 0]
        total = total + weights[output.name] * each.mean()
    return total, new


def adam(parameters, gradients, moments, count):
    """(parameters, moments) after step `count` (from 1) of the paper's Adam."""
    first, second = peer_case.BETAS
    trees = jax.tree.map
    mean = trees(lambda m, g: first * m + (1 - first) * g, moments[0], gradients)
    square = trees(lambda v, g: second * v + (1 - second) * g * g, moments[1], gradients)
    rate = peer_case.LR * jnp.sqrt(1 - second**count) / (1 - first**count)
    parameters = trees(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + peer_case.ADAM_EPSILON),
        parameters,
        mean,
        square,
    )
    return parameters, (mean, square)


def together(dropout=True, convolve=convolution):
    """A training step of K networks by `vmap`, compiled.

    Args:
      dropout: whether there is any.
      convolve: `convolution`, of which `vmap` makes one with K groups, or `product`.

    Returns:
      Function of (state, weights [K] by output name, pair, targets) to the next state:
      (parameters [K, …], moving [K, …], moments, count).
    """
    # One dropout mask for all, as in our populations.
    gradient = jax.grad(functools.partial(loss, convolve=convolve), has_aux=True)
    every = jax.vmap(gradient, in_axes=(0, 0, 0, None, None, None))

    def step(state, weights, pair, targets):
        parameters, moving, moments, count = state
        key = jax.random.fold_in(jax.random.key(0), count) if dropout else None
        gradients, moving = every(parameters, moving, weights, pair, targets, key)
        count = count + 1
        parameters, moments = adam(parameters, gradients, moments, count)
        return parameters, moving, moments, count

    return jax.jit(step, donate_argnums=0)


def begin(networks):
    """The first state of K networks, from a list of `initial`."""
    parameters, moving = jax.tree.map(lambda *each: jnp.stack(each), *networks)
    moments = tuple(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    return parameters, moving, moments, 0


def side(pipe, case):
    """A process that trains with JAX, turn by turn."""
    weights = {name: jnp.asarray(each) for name, each in case.weights().items()}
    state = [begin([initial(case.nb_f, k) for k in range(case.members)])]
    train = together()

    def step(pair, targets):
        state[0] = train(state[0], weights, pair, targets)
        jax.block_until_ready(state[0])

    peer_case.by_turns(pipe, case, jnp.asarray, step)
