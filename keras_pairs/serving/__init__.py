"""Publishing a network, and asking what was published."""
