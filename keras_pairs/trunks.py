"""Trunks as data: a new one is a row of `TRUNKS`. `networks.build` builds them.

Importable without TensorFlow.
"""

import dataclasses
import itertools

SIDE = 14


@dataclasses.dataclass(frozen=True)
class Trunk:
    """Blocks of convolution 3×3 → batch norm → ReLU, with pooling and dropout between.

    Attributes:
      widths: tuple of int, the filters of each block in units of `nb_f`.
      padding: "valid" (each block takes two pixels off a side) or "same".
      pool_after: the blocks, counted from 1, that a max pooling of 2×2 follows.
      dropout_after: the blocks that a dropout follows, behind the pooling.
      dropout: float in [0, 1), its rate.
      block: the order of a block's layers.
    """

    widths: tuple
    padding: str
    dropout_after: tuple
    pool_after: tuple = ()
    dropout: float = 0.1
    block: tuple = ("conv", "batch_norm", "relu")

    def sides(self):
        """The side of each block's map, in pixels, before its pooling."""
        side, sides = SIDE, []
        for i in range(1, len(self.widths) + 1):
            side -= 0 if self.padding == "same" else 2
            sides.append(side)
            if i in self.pool_after:
                side //= 2
        return sides

    def activations(self):
        """Activations of one image for each of `nb_f`: memory grows with them."""
        return sum(
            side**2 * width for side, width in zip(self.sides(), self.widths, strict=True)
        )

    def products(self):
        """Side² · width in · width out, summed over the blocks: time grows with it.

        Of one image, for each of `nb_f`². Without the first block's: the images have few
        channels, however many filters there are.
        """
        return sum(
            side**2 * before * width
            for side, (before, width) in zip(
                self.sides()[1:], itertools.pairwise(self.widths), strict=True
            )
        )


TRUNKS = {
    # Section II.A: 14 → 12 → 10 → 8 → 6 → 4 → 2.
    "paper": Trunk((1,) * 6, "valid", dropout_after=(1, 2, 3, 4, 5, 6)),
    # 14 → 7 → 3 → 1.
    "padded": Trunk(
        (1, 1, 2, 2, 4, 4), "same", pool_after=(2, 4, 6), dropout_after=(2, 4, 6)
    ),
}
