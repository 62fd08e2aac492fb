"""Eq. (1) of the paper as Keras' `loss_weights`. Importable without TensorFlow.

    Total_Loss = (w_m · Main_Loss + w_a · Auxiliary_Loss) / (w_m + w_a)

Main_Loss is the binary cross entropy of `comparison`; Auxiliary_Loss is the sum of the
cross entropies of the two digits.
"""

import numpy as np

from keras_pairs.outputs import OUTPUTS


def loss_weights(w_m: float = 1.0, w_a: float = 1.0) -> dict[str, float]:
    """Eq. (1) as Keras' `loss_weights`.

        loss_weights(w_m=1, w_a=3)["comparison"]    # 0.25

    Args:
      w_m, w_a: floats or float arrays [K], finite, not negative, w_m + w_a > 0.

    Returns:
      dict by output name of floats or float32 arrays [K]: w_m/(w_m+w_a) for the main
      output, w_a/(w_m+w_a) for the auxiliary ones.

    Raises:
      ValueError: if a weight is negative or not finite, or a sum is not positive.
    """
    w_m, w_a = np.asarray(w_m, "float64"), np.asarray(w_a, "float64")
    smaller, larger = np.minimum(w_m, w_a), np.maximum(w_m, w_a)
    if not np.all((smaller >= 0) & (larger > 0) & (larger < np.inf)):
        raise ValueError(
            "w_m and w_a must not be negative or infinite, and their sum positive. "
            f"Received: w_m={w_m}, w_a={w_a}"
        )
    # By a power of two, which changes no digit: the sum of the largest floats is infinite.
    _, exponent = np.frexp(larger)
    w_m, w_a = np.ldexp(w_m, -exponent), np.ldexp(w_a, -exponent)
    # The scalar that Keras documents; only a population has an array.
    shares = [
        float(share) if share.ndim == 0 else share.astype("float32")
        for share in (w_m / (w_m + w_a), w_a / (w_m + w_a))
    ]
    return {output.name: shares[output.auxiliary] for output in OUTPUTS}


def of_members(configs):
    """The `loss_weights` of K `TrainingConfig`s: floats of one, else arrays [K]."""
    if len(configs) == 1:
        return loss_weights(configs[0].w_m, configs[0].w_a)
    return loss_weights([c.w_m for c in configs], [c.w_a for c in configs])
