"""Given two MNIST digits, is the first less than or equal to the second?

    import keras_pairs

    model = keras_pairs.load()    # the model in the box
    model.compare("three.png", "seven.png").probability

Everything here is imported on first use: TensorFlow takes seconds, and flags need none.
"""

import importlib

__version__ = "1.0.0.dev0"

_HOMES = {
    "TrainingConfig": "config",
    "load_images": "data",
    "sample_pairs": "data",
    "build_model": "networks.build",
    "loss_weights": "training.loss_weights",
    "fit": "training.fit",
    "train_run": "training.run",
    "load_run": "training.run",
    "load": "serving.comparer",
    "Images": "data.images",
    "UserError": "errors",
}
__all__ = list(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return [*globals(), *__all__]
