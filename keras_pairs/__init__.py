"""Which of two MNIST digits is larger: weight sharing, auxiliary losses, Keras."""

__version__ = "0.1.0"
