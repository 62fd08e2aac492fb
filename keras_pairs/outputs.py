"""What the network answers: one row for each output.

Losses, their weights, metrics, heads, tables and pictures read these rows. A new output is
a new row. A published model is asked for its own outputs, never for these.

Importable without TensorFlow.
"""

import dataclasses
from collections.abc import Callable

CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Output:
    """An output of the network.

    Attributes:
      name: str, its key in the model's dict of outputs.
      units: int, 1 for a yes or no (a probability), else the number of classes.
      auxiliary: bool, whether its loss is part of Auxiliary_Loss in Eq. (1) and so weighted
        with w_a. The others are weighted with w_m.
      target: function of the two digits, integer arrays or tensors of one shape, to what
        the output should be: a bool of one unit, else the class.
      image: 0 or 1 of the output that is that image's digit, one of each; None of all
        others. A comparison that is derived from the digits derives those others, too,
        which then have one unit.
    """

    name: str
    units: int
    auxiliary: bool
    target: Callable
    image: int | None = None

    @property
    def binary(self):
        """Whether it answers yes or no."""
        return self.units == 1


# The first row is the main output: what is asked, shown in progress bars, and searched for.
OUTPUTS = (
    Output("comparison", 1, False, lambda first, second: first <= second),
    Output("first_digit", CLASSES, True, lambda first, second: first, image=0),
    Output("second_digit", CLASSES, True, lambda first, second: second, image=1),
)


def names():
    """Names of the outputs, in the order of their rows."""
    return [output.name for output in OUTPUTS]


# What trainings are compared by, in the names of Keras' logs.
SCORE = f"val_{names()[0]}_accuracy"


def targets(digits):
    """What each output should be, as `keras.Model.fit` takes it.

    Args:
      digits: int array [n, 2], the classes of each pair.

    Returns:
      dict by output name: float32 [n], 0 or 1, or int32 [n], the class.
    """
    first, second = digits[:, 0], digits[:, 1]
    return {
        output.name: output.target(first, second).astype(
            "float32" if output.binary else "int32"
        )
        for output in OUTPUTS
    }
