"""The grid of section II.C on keras-tuner; `tuner.population.load` opens a search."""
