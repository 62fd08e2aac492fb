"""Populations on a GPU: grouped convolutions against batched products.

    python -m benchmarks.gpu --run_dir=runs/gpu
    python -m benchmarks.gpu --nb_f=8 --batch_size=50 --members=13

Trains K members of the paper's network with the JAX peer of `benchmarks.peers`, on the
device that JAX finds. "grouped" is what `vmap` makes of a convolution: one with K groups.
"products" gathers the nine pixels under each kernel and multiplies the members' matrices,
with the member as batch axis. An epoch has 1,000 pairs and is one call. Its seconds are
the median of `TURNS` epochs after a first one. The last table is what the paper's grid
takes, 65 members of one batch size after another: one for each `w_a` and `lr`.
What was found is results.json in --run_dir, written after each case.
"""

import importlib.metadata

import numpy as np

from benchmarks import peer_case, turns, widths
from keras_pairs import files, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import integer
from keras_pairs.outputs import OUTPUTS
from keras_pairs.paper import EPOCHS, GRID

TURNS, NUM_PAIRS = 5, 1000
# Of one batch size: one for each w_a and lr of the grid.
LARGEST = len(GRID["w_a"]) * len(GRID["lr"])
SIDES = {"grouped": "convolution", "products": "product"}
FLAGS = {
    "nb_f": flags.Flag(
        flags.of_field("nb_f").kind, "Widths to measure.", GRID["nb_f"], several=True
    ),
    "batch_size": flags.Flag(
        flags.of_field("batch_size").kind,
        "Batch sizes; the first with all --members, the others with the most.",
        (50, 10, 20, 100, 200),
        several=True,
    ),
    "members": flags.Flag(
        integer(1), "Members of a population.", (13, LARGEST), several=True
    ),
    **flags.others("run_dir"),
}


def measure(case, members, side):
    """Seconds of an epoch of all members, and MiB of the device's memory that it takes."""
    import jax
    import jax.numpy as jnp

    from benchmarks import peers_jax

    images, wanted = case.arrays()
    images = jnp.asarray(images)
    wanted = {output.name: jnp.asarray(wanted[output.name]) for output in OUTPUTS}
    weights = {
        name: jnp.asarray(np.resize(each, members)) for name, each in case.weights().items()
    }
    step = peers_jax.together(convolve=getattr(peers_jax, SIDES[side]))

    def train_on(state, each):
        targets = {name: values[each] for name, values in wanted.items()}
        return step(state, weights, images[each], targets), None

    rng = np.random.default_rng(0)
    orders = [
        jnp.stack(peer_case.batches(case.num_pairs, case.batch_size, rng))
        for _ in range(TURNS + 1)
    ]
    state = peers_jax.begin([peers_jax.initial(case.nb_f, k) for k in range(members)])
    epoch = jax.jit(lambda *args: jax.lax.scan(train_on, *args)[0], donate_argnums=0)
    epoch = epoch.lower(state, orders[0]).compile()

    def train():
        nonlocal state
        state = jax.block_until_ready(epoch(state, orders.pop()))

    (seconds,) = turns.medians([(train, 1)], TURNS)
    memory = epoch.memory_analysis()
    taken = memory.temp_size_in_bytes + memory.argument_size_in_bytes
    return {"seconds": seconds, "memory_mib": taken / 2**20}


def cases(values):
    """Yields (nb_f, batch size, members, side); the first batch size has all members."""
    first, *others = values["batch_size"].value
    members = values["members"].value
    some = [(first, count) for count in members]
    some += [(batch_size, max(members)) for batch_size in others]
    for batch_size, count in some:
        for nb_f in values["nb_f"].value:
            for side in SIDES:
                yield nb_f, batch_size, count, side


def by_case(record):
    """{(nb_f, batch size, members): {side: row}}, sorted."""
    found = {}
    for row in record["rows"]:
        key = row["nb_f"], row["batch_size"], row["members"]
        found.setdefault(key, {})[row["side"]] = row
    return dict(sorted(found.items()))


def tabulate(record):
    """Lines of the table of epochs; `python -m docs.build` makes the same one."""
    lines = [("nb_f", "batch", "members")]
    lines[0] += tuple(f"{side} (ms)" for side in SIDES)
    lines[0] += ("grouped / products", "ms per member-epoch")
    lines[0] += tuple(f"{side} (MiB)" for side in SIDES)
    for key, sides in by_case(record).items():
        if len(sides) < len(SIDES):
            continue
        seconds = [1000 * sides[side]["seconds"] for side in SIDES]
        memory = [f"{sides[side]['memory_mib']:,.0f}" for side in SIDES]
        figures = f"{seconds[0] / seconds[1]:.2f}", f"{min(seconds) / key[-1]:.2f}"
        lines.append((*map(str, key), *(f"{s:.1f}" for s in seconds), *figures, *memory))
    return lines


def tabulate_grid(record):
    """Lines of the table of whole grids, of widths with every batch size of the grid."""
    found = by_case(record)
    lines = [("nb_f", *(f"{side} (minutes)" for side in SIDES), "the faster of both")]
    for nb_f in GRID["nb_f"]:
        sizes = [found.get((nb_f, size, LARGEST), {}) for size in GRID["batch_size"]]
        if any(len(sides) < len(SIDES) for sides in sizes):
            continue
        each = [[sides[side]["seconds"] for side in SIDES] for sides in sizes]
        seconds = [*np.sum(each, 0), np.min(each, 1).sum()]
        lines.append((str(nb_f), *(f"{EPOCHS * s / 60:.1f}" for s in seconds)))
    return lines


def main(values):
    if not widths.installed("jax"):
        raise UserError("jax is missing; pip install jax, or jax[cuda13] for a GPU")
    if uneven := [size for size in values["batch_size"].value if NUM_PAIRS % size]:
        raise UserError(f"--batch_size: {uneven[0]} does not divide {NUM_PAIRS:,} pairs")
    import jax

    run_dir = files.make_run_dir(values["run_dir"].value, "gpu")
    record = {"rows": [], **widths.origin()}
    record["versions"]["jax"] = importlib.metadata.version("jax")
    record["machine"] += f", {jax.devices()[0].device_kind}"
    for nb_f, batch_size, members, side in cases(values):
        case = peer_case.Case(nb_f, batch_size, num_pairs=NUM_PAIRS)
        row = {"nb_f": nb_f, "batch_size": batch_size, "members": members, "side": side}
        record["rows"].append(row | measure(case, members, side))
        files.write_json(run_dir / "results.json", record)
    for table in (tabulate, tabulate_grid):
        runner.say(tables.markdown_table(table(record)))
    runner.say(f"run folder: {runner.relative(run_dir)}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
