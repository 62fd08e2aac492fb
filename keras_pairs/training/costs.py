"""What a training takes of the machine. Importable without TensorFlow."""

from keras_pairs.trunks import TRUNKS

# Pairs that a network is asked at once, in validation and scoring.
EVALUATION_BATCH = 500
# And that a population validates at once. Measured for 13 members on one thread: at 8 and
# 16 filters 100 take an eighth less time than 500, whose maps fit no cache; at 64 they take
# the same. A lone narrow network has nothing to gain, and a batch has a cost of its own.
VALIDATION_BATCH = 100
# Bytes that a member holds per activation of a batch, measured as peak memory over the
# members of a graph: forward results, gradients and the kernels' working copies.
BYTES_PER_ACTIVATION = 40
SCORING_SHARE = 0.4
# Filters of the paper's trunk side by side in one graph. Measured on one thread: at
# nb_f=8, batch 10, a member's epoch takes 0.048 s among 13, 0.036 among 26 and 0.041 among
# 65 (the activations no longer fit the cache); from nb_f=32 on it hardly matters.
FILTERS_PER_GRAPH = 208
# Seconds per epoch of 1,000 pairs on one thread (of two cores, AVX-512), fitted to the
# paper's trunk: what goes with its activations (batch norm, dropout), what goes with its
# products (convolutions), and a step's fixed cost, which the members of a graph share.
SECONDS_PER_ACTIVATION = 0.004 / TRUNKS["paper"].activations()
SECONDS_PER_PRODUCT = 7e-5 / TRUNKS["paper"].products()
SECONDS_PER_STEP = 0.0025
# Of successive halving, at most: the first rung is a sixteenth of all epochs.
HALVINGS = 4
# What an answer costs of a training's step: forward, and nothing back.
ANSWERING = 1 / 3


def passes_of_a_pair(config):
    """How often one pair goes through a trunk: by image, and by network of a committee."""
    return config.committee * (2 if config.weight_sharing else 1)


def activations(config):
    """Activations of one pair in the trunks of a member, or of its teachers if more."""
    return max(map(_activations, config.stages()))


def _activations(config):
    maps = config.nb_f * TRUNKS[config.trunk].activations()
    return passes_of_a_pair(config) * maps


def members_that_fit(config, memory_limit):
    """How many members may share a graph, for memory.

    Args:
      config: `TrainingConfig`.
      memory_limit: float, bytes for the graph's tensors.

    Returns:
      int >= 1.
    """
    batch = max(config.batch_size, SCORING_SHARE * EVALUATION_BATCH)
    member = BYTES_PER_ACTIVATION * activations(config) * batch
    return max(1, int(memory_limit / member))


def members_per_graph(config):
    """How many members should share a graph, for speed: int >= 1."""
    most = FILTERS_PER_GRAPH * TRUNKS["paper"].activations()
    return max(1, most // activations(config))


def estimated_seconds(config):
    """Seconds of one training within its population (`members_per_graph`) on one thread.

    With its teachers' training, and with their answers in its own.
    """
    *teachers, own = map(_estimated_seconds, config.stages())
    return own + (1 + ANSWERING) * sum(teachers)


def _estimated_seconds(config):
    products = passes_of_a_pair(config) * config.nb_f**2 * TRUNKS[config.trunk].products()
    per_pair = SECONDS_PER_ACTIVATION * _activations(config)
    per_pair += SECONDS_PER_PRODUCT * products
    per_step = 1000 * SECONDS_PER_STEP / config.batch_size / members_per_graph(config)
    return (per_pair + per_step) * config.epochs * config.num_pairs / 1000


def rungs(members, epochs):
    """The rungs of successive halving: after each, the better half goes on.

        rungs(4, 100)    # [(25, 2), (50, 1), (100, 1)]

    Args:
      members: int >= 1, of a population.
      epochs: int >= 1, of a whole training.

    Returns:
      list of (the epoch, counted from 1, that is the rung's last; how many members go on).
    """
    most = min(HALVINGS, epochs.bit_length() - 1, (members - 1).bit_length())
    found = []
    for left in range(most, -1, -1):
        members = -(-members // 2) if left else members
        found.append((-(-epochs // 2**left), members))
    return found


def member_epochs(members, epochs, done=None):
    """Epochs of all members together, with successive halving.

    Args:
      members, epochs: as of `rungs`.
      done: float, only so many of the epochs; None: all.
    """
    done = epochs if done is None else done
    total, before, alive = 0, 0, members
    for until, keep in rungs(members, epochs):
        total += alive * max(0, min(done, until) - before)
        before, alive = until, keep
    return total
