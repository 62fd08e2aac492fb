"""What `benchmarks.search` and `benchmarks.hours` make of the seconds measured."""

import pytest

from benchmarks import hours, search
from keras_pairs.commands import flags
from keras_pairs.errors import UserError
from tuner import choices
from tuner import flags as tuner_flags


def test_the_costs_of_a_search():
    """A trial costs 2 seconds, and 0.5 an epoch; six trials."""
    runs = [(3.0, 6 * 2.5, 6, 20.0), (4.0, 6 * 4.0, 6, 30.0)]
    assert search.costs(runs, epochs=4) == pytest.approx((3.0, 2.0, 0.5))


def test_an_epoch_of_13_is_what_further_epochs_take(monkeypatch):
    """Start-up 5 seconds; 0.1 a trial's epoch, with the code before 0.15, on two cores.

    One of the three turns is disturbed, which changes nothing.
    """
    asked = []

    def measured(arguments, code=None):
        words = arguments("folder")
        asked.append((words, code))
        (epochs,) = (int(w.split("=")[1]) for w in words if w.startswith("--epochs="))
        cost = 26 * epochs * (0.15 if code else 0.1) * (3 if len(asked) == 2 else 1)
        return 1.0, 5 + cost, 26, 20 + 2 * cost

    monkeypatch.setattr(search, "measure", measured)
    found = {"epochs": list(search.epochs_of_13(8, "/older")), "rows": []}
    _, last, every, before = search.tabulate_epochs(found)
    assert last == ("8", "after the last", "200.0", "1.00")
    assert every == ("8", "after every", "200.0", "1.00")
    assert before == ("8", "before", "300.0", "0.67")
    with pytest.raises(UserError, match="an epoch of 13"):
        search.check(found)
    # The older code knows nothing of the flag.
    assert {any("validate_every" in w for w in words) for words, code in asked if code} == {
        False
    }
    values = flags.define(tuner_flags.FLAGS)
    values(["search", *asked[0][0][2:]])
    assert list(map(len, choices.grid(values).groups)) == [13, 13]


def test_trials_per_hour(monkeypatch):
    """A trial costs 2 seconds, an epoch 0.5 with GridSearch and 0.05 with ours."""

    def measured(arguments):
        stock = "-c" in arguments("folder")
        (epochs,) = (1,) if asked[stock] == 0 else (search.MORE[8],)
        asked[stock] += 1
        trials, epoch = (6, 0.5) if stock else (52, 0.05)
        return 3.0, trials * (2 + epochs * epoch), trials, 1.0

    asked = [0, 0]
    monkeypatch.setattr(search, "measure", measured)
    found = {"epochs": [], "rows": list(search.rates(8))}
    _, theirs, ours = search.tabulate(found)
    assert theirs == ("8", "GridSearch", "3.0", "2.00", "0.5000", "47", "", "")
    assert ours == ("8", "tuner.search", "3.0", "2.00", "0.0500", "379", "8.1", "8")
    search.check(found)


def test_the_hours_of_a_grid():
    """325 points; one start-up of 36 seconds, 0.01 h."""
    rows = [
        {"nb_f": 8, "search": name, "start_s": 36.0, "trials_per_hour": rate}
        for name, rate in (("GridSearch", 50), ("tuner.search", 650))
    ]
    machine = "Linux x86_64, 2 cores, AVX-512"
    _, row = hours.tabulate({"machine": machine, "rows": rows})
    # 325 / 50, 325 / 650, an eighth and a tenth of that.
    assert row == ("8", "6.51", "0.51", "0.07", "0.06")
