"""The peers of `benchmarks.peers` are our network: same answers, same step."""

import functools

import numpy as np
import pytest

from benchmarks import peer_case
from keras_pairs.networks.population import PopulationKit, build_population
from keras_pairs.outputs import names, targets
from keras_pairs.training import objective
from keras_pairs.training.batches import stack

# Where a gradient is nearly 0, Adam's first step may go anywhere.
ALIKE = 0.95
CASE = peer_case.Case(nb_f=4, batch_size=20, members=3, num_pairs=40)


class WithoutDropout(PopulationKit):
    """Whose steps can be compared: no two libraries draw the same masks."""

    def dropout(self, x, rate, name):
        return x


@pytest.fixture(scope="module")
def batch():
    images, digits = stack(CASE.splits().train)
    return images[:20], targets(digits[:20])


@pytest.fixture
def ours():
    """A compiled population with weights that say which is which."""
    configs = CASE.configs()
    population = build_population(configs, kit=WithoutDropout(CASE.members))
    rng = np.random.default_rng(3)
    for layer in population.layers:
        for variable in layer.weights:
            noise = rng.uniform(0.02, 0.1, variable.shape)
            variable.assign(variable + noise.astype("float32"))
    objective.compile_population(population, configs, steps=1)
    return population


def weights_of(population):
    """{layer: list of arrays [K, …]}, and the same of what is not trained."""
    trained, moving = {}, {}
    for layer in population.layers:
        if layer.trainable_variables:
            trained[layer.name] = [v.numpy() for v in layer.trainable_variables]
            moving[layer.name] = [v.numpy() for v in layer.non_trainable_variables]
    return trained, {name: values for name, values in moving.items() if values}


def answers(population, images):
    """Logits by output name, [K, n, units]."""
    found = population(images, training=False)
    return {name: np.swapaxes(values.numpy(), 0, 1) for name, values in found.items()}


def assert_alike(after, before, population):
    """Both moved alike.

    Args:
      after, before: {layer: list of arrays [K, …]} of the peer, and of both before.
      population: ours after its step.
    """
    trained, moving = weights_of(population)
    for name, arrays in (trained | moving).items():
        if name in moving:
            arrays = trained[name] + moving[name]
        for ours, peers, begun in zip(arrays, after[name], before[name], strict=True):
            assert np.abs(ours - begun).max() > 1e-4, name
            assert (np.abs(ours - peers) < 1e-4).mean() > ALIKE, name


def torch_networks(torch, population):
    """Our members as `peers_torch.Network`s."""
    from benchmarks import peers_torch

    trained, moving = weights_of(population)
    networks = []
    for k in range(CASE.members):
        network = peers_torch.Network(CASE.nb_f, dropout=False)
        for mine, value in torch_pairs(network, trained, moving):
            mine.data = torch.from_numpy(to_torch(value[k], CASE.nb_f))
        networks.append(network)
    return networks


def torch_pairs(network, trained, moving):
    """Yields (tensor, our array [K, …]) of a network."""
    for i in range(1, 7):
        conv, norm = network.trunk[4 * i - 4], network.trunk[4 * i - 3]
        yield conv.weight, trained[f"conv_{i}"][0]
        name = f"batch_norm_{i}"
        arrays = [*trained[name], *moving[name]]
        mine = norm.weight, norm.bias, norm.running_mean, norm.running_var
        yield from zip(mine, arrays, strict=True)
    for name in names():
        for place, part in ((0, "hidden"), (3, "logits")):
            layer = network.heads[name][place]
            arrays = trained[f"{name}_{part}"]
            yield from zip((layer.weight, layer.bias), arrays, strict=True)


def to_torch(value, nb_f):
    """One of our arrays in PyTorch's layout."""
    if value.ndim == 4:
        return np.ascontiguousarray(value.transpose(3, 2, 0, 1))
    if value.ndim == 2 and value.shape[0] == 4 * nb_f:
        # Our features have channels last.
        value = value.reshape(4, nb_f, -1).transpose(1, 0, 2).reshape(value.shape)
    return np.ascontiguousarray(value.T)


def test_pytorchs_networks_answer_and_learn_as_ours(ours, batch):
    torch = pytest.importorskip("torch")
    from benchmarks import peers_torch

    images, wanted = batch
    networks = torch_networks(torch, ours)
    pair = peers_torch.convert(images)
    for name, logits in answers(ours, images).items():
        with torch.no_grad():
            found = np.stack([net.eval()(pair)[name].numpy() for net in networks])
        np.testing.assert_allclose(found, logits, atol=1e-4)
    weights = {n: peers_torch.convert(each) for n, each in CASE.weights().items()}
    converted = {name: peers_torch.convert(each) for name, each in wanted.items()}
    begun = [weights_of(ours)[0], weights_of(ours)[1]]
    ours.train_on_batch(images, wanted)
    trained, moving = weights_of(ours)
    parameters, step = peers_torch.together(networks, weights)
    step(pair, converted)
    for k, network in enumerate(networks):
        peers_torch.alone(network, {name: each[k] for name, each in weights.items()})(
            pair, converted
        )
        near, moved = [], []
        mine = torch_pairs(network, trained, moving)
        for (tensor, value), (_, before) in zip(
            mine, torch_pairs(network, *begun), strict=True
        ):
            expected, before = (to_torch(x[k], CASE.nb_f) for x in (value, before))
            near.append(np.abs(tensor.detach().numpy() - expected).ravel() < 1e-4)
            moved.append(np.abs(expected - before).ravel() > 1e-4)
        assert np.concatenate(near).mean() > ALIKE
        # Without an auxiliary loss the heads of the digits stay as they are.
        assert np.concatenate(moved).mean() > (ALIKE if k else 0.3)
        # All at once gives what one by one gives.
        near = [
            ((parameters[name][k] - values).abs() < 1e-4).ravel()
            for name, values in network.named_parameters()
        ]
        assert torch.cat(near).float().mean() > ALIKE


@pytest.mark.parametrize("convolve", ["convolution", "product"])
def test_jaxs_networks_answer_and_learn_as_ours(convolve, ours, batch):
    jax = pytest.importorskip("jax")
    from benchmarks import peers_jax

    convolve = getattr(peers_jax, convolve)

    images, wanted = batch
    trained, moving = weights_of(ours)
    one = peers_jax.initial(CASE.nb_f, 0)
    shapes = {name: [v.shape[1:] for v in values] for name, values in trained.items()}
    assert {name: [v.shape for v in values] for name, values in one[0].items()} == shapes
    parameters, state = (
        {name: tuple(map(jax.numpy.asarray, values)) for name, values in each.items()}
        for each in (trained, moving)
    )
    answer = functools.partial(peers_jax.logits, convolve=convolve)
    found, _ = jax.vmap(answer, in_axes=(0, 0, None))(parameters, state, images)
    for name, logits in answers(ours, images).items():
        np.testing.assert_allclose(found[name], logits, atol=1e-4)
    moments = tuple(jax.tree.map(jax.numpy.zeros_like, parameters) for _ in range(2))
    weights = CASE.weights()
    step = peers_jax.together(dropout=False, convolve=convolve)
    peers, rest, *_ = step((parameters, state, moments, 0), weights, images, wanted)
    before = {name: [*values, *moving.get(name, ())] for name, values in trained.items()}
    after = {name: [*values, *rest.get(name, ())] for name, values in peers.items()}
    ours.train_on_batch(images, wanted)
    assert_alike(after, before, ours)


def test_an_epoch_has_every_pair_once():
    rng = np.random.default_rng(0)
    first, second = (peer_case.batches(105, 50, rng) for _ in range(2))
    assert [len(each) for each in first] == [50, 50, 5]
    assert sorted(np.concatenate(first)) == list(range(105))
    assert not np.array_equal(first[0], second[0])
