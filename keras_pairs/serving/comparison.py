"""What a model answers for pairs of digits."""

import dataclasses

import numpy as np

from keras_pairs import scoring


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Answers for n pairs.

    Attributes:
      outputs: dict of float32 arrays by the model's own outputs: `comparison` [n], P(first
        digit <= second digit); `first_digit`, `second_digit` [n, 10], class probabilities;
        and what others it has.
      errors: dict: index of a pair → str, what was wrong; its answers are NaN.
      reads_digits: whether the model learned the digits; if not, they mean nothing.
    """

    outputs: dict
    errors: dict = dataclasses.field(default_factory=dict)
    reads_digits: bool = True

    @property
    def comparison(self):
        """float32 [n], P(first digit <= second digit)."""
        return self.outputs["comparison"]

    @property
    def probability(self):
        """Another name of `comparison`."""
        return self.comparison

    @property
    def first_digit(self):
        """float32 [n, 10], class probabilities."""
        return self.outputs["first_digit"]

    @property
    def second_digit(self):
        """float32 [n, 10], class probabilities."""
        return self.outputs["second_digit"]

    @property
    def verdict(self):
        """bool [n], probability ≥ 0.5; False where the pair has an error."""
        return scoring.verdict(self.probability)

    @property
    def unsure(self):
        """bool [n], whether the verdict has less than 90 %; not where there is an error."""
        return scoring.unsure(self.probability)

    @property
    def unsure_digits(self):
        """bool [n, 2], whether the digit's class has less than 50 %.

        False where the pair has an error, or the digits mean nothing.
        """
        if not self.reads_digits:
            return np.zeros((len(self.verdict), 2), bool)
        return scoring.unsure_digits(np.stack([self.first_digit, self.second_digit], 1))

    @property
    def digits(self):
        """int [n, 2], the most probable digits; -1 where the pair has an error.

        -1 also of a model that has no outputs of digits.
        """
        if not {"first_digit", "second_digit"} <= self.outputs.keys():
            return np.full((len(self.probability), 2), -1)
        both = np.stack([self.first_digit, self.second_digit], 1)
        known = ~np.isnan(both).any((1, 2))
        digits = np.full(both.shape[:2], -1)
        digits[known] = both[known].argmax(-1)
        return digits

    @property
    def contradicts(self):
        """bool [n], whether verdict and digits say different things.

        False where the pair has an error, or the digits mean nothing.
        """
        if not self.reads_digits:
            return np.zeros(len(self.verdict), bool)
        first, second = self.digits.T
        return (first >= 0) & ((first <= second) != self.verdict)
