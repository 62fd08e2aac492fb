"""What pixels have to be, wherever images come in: 0 is background, 255 is ink."""

SCALED = "pixels must be 0 to 255; these seem to be scaled to 0 to 1"


def are_scaled(peak):
    """Whether pixels were scaled to 0…1.

    The largest pixel of all images that come together decides: one among them may be as
    faint as 1 of 255, all of them are not. Images that are all 0 are blank, not scaled.

    Args:
      peak: number or tensor [], the largest pixel of a whole request or data set.

    Returns:
      bool, or tensor bool [].
    """
    return (peak > 0) & (peak <= 1)
