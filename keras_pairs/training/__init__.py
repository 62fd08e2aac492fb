"""Training and scoring: one path, for one network and for many."""
