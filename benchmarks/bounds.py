"""Bounds of a benchmark: what breaks one ends the command with exit code 1."""

from keras_pairs.errors import UserError


class Bounds:
    """Collects the bounds that are broken, so that a table is shown to its end first."""

    def __init__(self):
        self.broken = []

    def at_most(self, what, value, bound):
        """Notes that `value` should not be more than `bound`; NaN breaks every bound."""
        if not value <= bound:
            self.broken.append(f"{what}: {value:.3g}, at most {bound:g}")

    def at_least(self, what, value, bound):
        """Notes that `value` should not be less than `bound`."""
        if not value >= bound:
            self.broken.append(f"{what}: {value:.3g}, at least {bound:g}")

    def check(self):
        """Ends a benchmark.

        Raises:
          UserError: if a bound was broken, with all of them.
        """
        if self.broken:
            raise UserError(f"broken bounds: {'; '.join(self.broken)}")
