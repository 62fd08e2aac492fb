"""What all command lines share: flags, errors, quiet start-up. No TensorFlow in here."""
