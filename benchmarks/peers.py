"""What a member-epoch costs: our populations, plain Keras, PyTorch and JAX, in one run.

    python -m benchmarks.peers --run_dir=runs/peers
    python -m benchmarks.peers --nb_f=8 --num_pairs=200

All train the paper's network on the same pairs, in batches of 50: `training.fit` with a
population of 13, one for each w_a of the paper's grid; plain Keras' `model.fit` and PyTorch
one network after another; PyTorch's `torch.func.vmap` and JAX's `vmap` over the 13. Each
trains as a search does, with a process of one thread for each core, all of these at the
same time; the peers take turns. What counts is processor time, which work beside the
benchmark disturbs less. The last column is what a peer takes of ours. Without torch or jax,
their rows say so. The peers' networks are compared with ours in
`tests/test_benchmarks_peers.py`. What was found is results.json in --run_dir.
"""

import os

from benchmarks import train, widths
from benchmarks.peer_case import CLOCK, Case
from keras_pairs import machine, startup
from keras_pairs.commands import flags, runner
from keras_pairs.fields import integer


def ours(pipe, case):
    """A process that trains with this package, turn by turn."""
    startup.import_tensorflow(work=0, onednn=True)
    from keras_pairs.training.fit import fit

    callbacks = [train.turns(pipe, CLOCK)]
    fit(case.configs(), case.splits(), validate=False, callbacks=callbacks)


def plain_keras(pipe, case):
    """A process that trains one network with `model.fit`, turn by turn."""
    startup.import_tensorflow(work=0)
    import keras_tuner

    from tuner.hypermodel import PairsHyperModel
    from tuner.space import Grid

    config = case.configs()[-1]
    network = PairsHyperModel(Grid({}, config)).build(keras_tuner.HyperParameters())
    images, targets = case.arrays()
    network.fit(
        images,
        targets,
        batch_size=case.batch_size,
        epochs=config.epochs,
        verbose=0,
        callbacks=[train.turns(pipe, CLOCK)],
    )


def torch_alone(pipe, case):
    """A process that trains one network with PyTorch, turn by turn."""
    from benchmarks import peers_torch

    peers_torch.side(pipe, case, vmapped=False)


def torch_vmap(pipe, case):
    """A process that trains all members with PyTorch's `vmap`, turn by turn."""
    from benchmarks import peers_torch

    peers_torch.side(pipe, case, vmapped=True)


def jax_vmap(pipe, case):
    """A process that trains all members with JAX's `vmap`, turn by turn."""
    # JAX reads it when it is imported.
    given = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{given} --xla_cpu_multi_thread_eigen=false"
    from benchmarks import peers_jax

    peers_jax.side(pipe, case)


OURS = "keras_pairs"
# Name: function, package that it needs, whether it trains all members at once.
PEERS = {
    OURS: (ours, None, True),
    "Keras `fit`": (plain_keras, None, False),
    "PyTorch eager": (torch_alone, "torch", False),
    "PyTorch `vmap`": (torch_vmap, "torch", True),
    "JAX `vmap`": (jax_vmap, "jax", True),
}
FLAGS = {
    "nb_f": flags.Flag(
        flags.of_field("nb_f").kind, "Widths to measure.", (8, 16, 32, 64), several=True
    ),
    "num_pairs": flags.Flag(integer(1), "Pairs of an epoch.", 1000),
    **flags.others("run_dir"),
}


def measure(case):
    """Yields a row for each peer: processor seconds, None where it is missing."""
    there = {name: peer for name, peer in PEERS.items() if widths.installed(peer[1])}
    cores = machine.cores()
    seconds = train.compare(
        *([(function, (case,))] * cores for function, _, _ in there.values())
    )
    found = dict(zip(there, seconds, strict=True))
    for name, (_, _, at_once) in PEERS.items():
        members = case.members if at_once else 1
        each = found[name] / members if name in found else None
        yield {"nb_f": case.nb_f, "peer": name, "seconds": each}


def tabulate(rows):
    """Lines of a table; `python -m docs.build` makes the same one from results.json."""
    lines = [("nb_f", "", "processor ms per member-epoch", "of ours")]
    ours = {row["nb_f"]: row["seconds"] for row in rows if row["peer"] == OURS}
    for row in rows:
        seconds = row["seconds"]
        figures = "not installed", ""
        if seconds is not None:
            figures = f"{1000 * seconds:.1f}", f"{seconds / ours[row['nb_f']]:.2f}"
        lines.append((str(row["nb_f"]), row["peer"], *figures))
    return lines


def main(values):
    num_pairs = values["num_pairs"].value
    packages = {name: package for name, (_, package, _) in PEERS.items()}
    widths.measure(
        values,
        "peers",
        packages,
        lambda nb_f: measure(Case(nb_f, num_pairs=num_pairs)),
        tabulate,
        num_pairs=num_pairs,
    )


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
