"""What a training takes of the machine. Importable without TensorFlow."""

from keras_pairs.networks.trunks import TRUNKS

# Pairs that a network is asked at once, in validation and scoring.
EVALUATION_BATCH = 500
# Bytes that a member holds per activation of a batch, measured as peak memory over the
# members of a graph: forward results, gradients and the kernels' working copies.
BYTES_PER_ACTIVATION = 40
SCORING_SHARE = 0.4


def images_of_a_pair(config):
    """How many images of one pair go through the trunk."""
    return 2 if config.weight_sharing else 1


def members_that_fit(config, memory_limit):
    """How many networks may share a graph.

    Args:
      config: `TrainingConfig`.
      memory_limit: float, bytes for the graph's tensors.

    Returns:
      int >= 1.
    """
    activations = config.nb_f * TRUNKS[config.trunk].activations()
    batch = max(config.batch_size, SCORING_SHARE * EVALUATION_BATCH)
    member = BYTES_PER_ACTIVATION * activations * images_of_a_pair(config) * batch
    return max(1, int(memory_limit / member))
