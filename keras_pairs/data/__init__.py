"""Images and pairs, and where they come from. Importable without TensorFlow."""

from keras_pairs.data.images import Images
from keras_pairs.data.pairs import Pairs, Splits, check_enough, pool, sample_pairs
from keras_pairs.data.sources import (
    SOURCES,
    again,
    check_source,
    found_by,
    load_images,
)

__all__ = [
    "SOURCES",
    "Images",
    "Pairs",
    "Splits",
    "again",
    "check_enough",
    "check_source",
    "found_by",
    "load_images",
    "pool",
    "sample_pairs",
]
