"""From a stranger's picture of a digit to MNIST's form."""
