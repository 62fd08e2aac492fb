"""Searches on keras-tuner; `tuner.population.load` opens a search."""
