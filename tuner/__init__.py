"""The grid of section II.C on keras-tuner."""
