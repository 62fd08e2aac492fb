"""The paper's network in PyTorch: one by one, and `torch.func.vmap` over members."""

import copy

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

from benchmarks import peer_case
from keras_pairs.outputs import OUTPUTS
from keras_pairs.trunks import TRUNKS


class Network(nn.Module):
    """Section II.A, from raw pixels [n, 2, 14, 14] to a dict of logits.

    Args:
      nb_f: int.
      dropout: whether there is any; without it, it can be compared with another network.
    """

    def __init__(self, nb_f, dropout=True):
        super().__init__()
        trunk, layers, channels = TRUNKS["paper"], [], 2
        for _ in trunk.widths:
            layers += [
                nn.Conv2d(channels, nb_f, 3, bias=False),
                nn.BatchNorm2d(nb_f, peer_case.EPSILON, 1 - peer_case.MOMENTUM),
                nn.ReLU(),
                nn.Dropout(trunk.dropout * dropout),
            ]
            channels = nb_f
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        features, hidden = nb_f * trunk.sides()[-1] ** 2, peer_case.HIDDEN_UNITS
        self.heads = nn.ModuleDict(
            {
                output.name: nn.Sequential(
                    nn.Linear(features, hidden),
                    nn.ReLU(),
                    nn.Dropout(peer_case.HEAD_DROPOUT * dropout),
                    nn.Linear(hidden, output.units),
                )
                for output in OUTPUTS
            }
        )

    def forward(self, pair):
        x = self.trunk((pair / 255 - peer_case.PIXEL_MEAN) / peer_case.PIXEL_STD)
        return {name: head(x) for name, head in self.heads.items()}


def loss(logits, targets, weights):
    """Eq. (1) of one network; `weights` by output name."""
    total = 0.0
    for output in OUTPUTS:
        y, wanted = logits[output.name], targets[output.name]
        if output.binary:
            each = functional.binary_cross_entropy_with_logits(y[:, 0], wanted)
        else:
            each = functional.cross_entropy(y, wanted)
        total = total + weights[output.name] * each
    return total


def convert(array):
    """An array as a tensor; classes as PyTorch wants them."""
    array = np.asarray(array)
    return torch.from_numpy(array if array.dtype == np.float32 else array.astype("int64"))


def adam(parameters):
    """The paper's Adam, in PyTorch's fastest form."""
    return torch.optim.Adam(
        parameters,
        peer_case.LR,
        peer_case.BETAS,
        peer_case.ADAM_EPSILON,
        fused=True,
    )


def alone(network, weights):
    """A training step of one network: function of images and targets."""
    network.train()
    optimizer = adam(network.parameters())

    def step(images, targets):
        optimizer.zero_grad()
        loss(network(images), targets, weights).backward()
        optimizer.step()

    return step


def together(networks, weights):
    """(parameters, a training step) of several networks by `vmap`.

    Args:
      networks: list of K `Network`s.
      weights: tensors [K] by output name.

    Returns:
      (dict of tensors [K, …], function of images and targets).
    """
    parameters, buffers = stack_module_state([each.train() for each in networks])
    skeleton = copy.deepcopy(networks[0]).to("meta")

    def loss_of(parameters, buffers, weights, images, targets):
        logits = functional_call(skeleton, (parameters, buffers), (images,))
        return loss(logits, targets, weights)

    # One dropout mask for all, as in our populations.
    gradients = vmap(grad(loss_of), in_dims=(0, 0, 0, None, None), randomness="same")
    optimizer = adam(parameters.values())

    def step(images, targets):
        found = gradients(parameters, buffers, weights, images, targets)
        for name, gradient in found.items():
            parameters[name].grad = gradient
        optimizer.step()

    return parameters, step


def side(pipe, case, vmapped):
    """A process that trains with PyTorch, turn by turn."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    weights = {name: convert(each) for name, each in case.weights().items()}
    if vmapped:
        _, step = together([Network(case.nb_f) for _ in range(case.members)], weights)
    else:
        last = {name: each[-1] for name, each in weights.items()}
        step = alone(Network(case.nb_f), last)
    peer_case.by_turns(pipe, case, convert, step)
