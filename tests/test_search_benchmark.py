"""What `benchmarks.search` makes of the seconds that it measures."""

import pytest

from benchmarks import search
from benchmarks.bounds import Bounds
from keras_pairs.commands import flags
from keras_pairs.errors import UserError
from tuner import choices
from tuner import flags as tuner_flags


def test_the_costs_of_a_search():
    """A trial costs 2 seconds, and 0.5 an epoch; six trials."""
    runs = [(3.0, 6 * 2.5, 6, 20.0), (4.0, 6 * 4.0, 6, 30.0)]
    assert search.costs(runs, epochs=4) == pytest.approx((3.0, 2.0, 0.5))


def test_an_epoch_of_13_is_what_further_epochs_take(monkeypatch, capsys):
    """Start-up 5 seconds; 0.1 a trial's epoch, with the code before 0.15, on two cores."""
    asked = []

    def measured(arguments, code=None):
        words = arguments("folder")
        asked.append((words, code))
        (epochs,) = (int(w.split("=")[1]) for w in words if w.startswith("--epochs="))
        cost = 26 * epochs * (0.15 if code else 0.1)
        return 1.0, 5 + cost, 26, 20 + 2 * cost

    monkeypatch.setattr(search, "measure", measured)
    bounds = Bounds()
    search.epochs_of_13(8, "/older", bounds)
    last, every, before = capsys.readouterr().out.splitlines()
    assert last == "| 8 | after the last | 0.1000 | 0.2000 | 1.00 |"
    assert every == "| 8 | after every | 0.1000 | 0.2000 | 1.00 |"
    assert before == "| 8 | before | 0.1500 | 0.3000 | 0.67 |"
    with pytest.raises(UserError, match="an epoch of 13"):
        bounds.check()
    # The older code knows nothing of the flag.
    assert {any("validate_every" in w for w in words) for words, code in asked if code} == {
        False
    }
    values = flags.define(tuner_flags.FLAGS)
    values(["search", *asked[0][0][2:]])
    assert list(map(len, choices.grid(values).groups)) == [13, 13]
