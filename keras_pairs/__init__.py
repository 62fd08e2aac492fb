"""Which of two MNIST digits is larger: weight sharing, auxiliary losses, Keras.

import keras_pairs

model = keras_pairs.load()  # the model in the box
model.compare("three.png", "seven.png").probability
"""

__version__ = "0.1.0"
__all__ = ["load"]


def __getattr__(name):
    """`load`, on first use: it needs TensorFlow, which takes seconds to import."""
    if name == "load":
        from keras_pairs.inference import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return [*globals(), *__all__]
