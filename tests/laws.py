"""Properties that hold for every case, tried on cases that hypothesis makes up.

The fast tier tries the same few dozen on every machine. With

    KERAS_PAIRS_CASES=2000 python -m pytest -q tests/test_laws_*.py

each law is tried on so many that are new in every run; one that breaks it is printed with
what gives it again.
"""

import os

import pytest

hypothesis = pytest.importorskip(
    "hypothesis", reason="needs pip install 'keras_pairs[test]'"
)

FEW = 40
CASES = os.environ.get("KERAS_PAIRS_CASES")


def law(function):
    """`hypothesis.settings` of a test; cases that take seconds are no failure."""
    return hypothesis.settings(
        max_examples=int(CASES or FEW),
        derandomize=CASES is None,
        deadline=None,
        # Looking at a repository does not write into it.
        database=None,
        print_blob=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )(function)
