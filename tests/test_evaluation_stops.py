"""Evaluations that are stopped and go on, without trainings."""

import dataclasses
import json
import os

import pytest

from keras_pairs import locks, machine
from keras_pairs.errors import UserError
from keras_pairs.outputs import names
from keras_pairs.training import rounds
from keras_pairs.training.costs import members_that_fit
from keras_pairs.training.rounds import evaluate, plan

ROUNDS = 7


@pytest.fixture
def fit(monkeypatch, config):
    """The memory in which so many members fit."""
    monkeypatch.setattr(rounds, "members_that_fit", lambda config, limit: limit)
    return lambda members: members


class Stop(Exception):
    pass


@pytest.fixture
def trainings(monkeypatch):
    """The seeds of each group that was trained; `.stop_after` groups the process dies."""

    class Trainings(list):
        stop_after = None

    groups = Trainings()

    def train(function, members, images, scored_on, on_message):
        if len(groups) == groups.stop_after:
            raise Stop
        groups.append([member.seed for member in members])
        curve = {"count": [10], "predicted": [5.0], "observed": [5]}
        return {
            "rounds": [
                {
                    "accuracy": dict.fromkeys(names(), member.seed / 100),
                    "accuracy_of_all": member.seed / 100,
                    "reliability": curve,
                }
                for member in members
            ],
            "seconds": 2.0 * len(members),
        }

    monkeypatch.setattr(rounds.isolated, "run", train)
    # So that what `evaluate` sets ends with the test.
    monkeypatch.setenv(machine.ONEDNN, "")
    monkeypatch.delenv(machine.ONEDNN)
    return groups


def stop(trainings, after, *arguments):
    trainings.stop_after = after
    with pytest.raises(Stop):
        evaluate(*arguments, verbose=False)
    trainings.stop_after = None


def accuracies(rows):
    return [row["accuracies"] for row in rows]


@pytest.mark.parametrize("memory", [1, 2, 4, 100])
def test_other_memory_trains_what_is_missing_once(
    memory, fit, trainings, config, digits, tmp_path
):
    arguments = [config, config], digits, tmp_path, ROUNDS
    stop(trainings, 4, *arguments, fit(3))
    rows = evaluate(*arguments, fit(memory), verbose=False)
    assert sorted(sum(trainings, [])) == sorted([*range(1, 8), *range(1, 8)])
    assert all(len(group) <= memory for group in trainings[4:])
    assert accuracies(rows) == [pytest.approx([1, 2, 3, 4, 5, 6, 7])] * 2
    assert [row["seconds"] for row in rows] == [pytest.approx(14)] * 2
    before = list(trainings)
    evaluate(*arguments, fit(memory), verbose=False)
    assert trainings == before


def test_the_same_memory_makes_the_same_groups(fit, trainings, config, digits, tmp_path):
    for after in range(1, 6):
        folder = tmp_path / str(after)
        folder.mkdir()
        trainings.clear()
        stop(trainings, after, [config, config], digits, folder, ROUNDS, fit(3))
        evaluate([config, config], digits, folder, ROUNDS, fit(3), verbose=False)
        assert trainings == [[1, 2, 3], [4, 5], [6, 7]] * 2


def test_whole_groups_that_are_done_leave_the_others(fit, config):
    for total in range(1, 30):
        for limit in range(1, 12):
            whole = plan([config], total, fit(limit))
            for count in range(len(whole) + 1):
                seeds = [c.seed for _, members in whole[:count] for c in members]
                done = {(0, seed - config.seed) for seed in seeds}
                assert plan([config], total, fit(limit), done) == whole[count:]


def test_more_rounds_go_on(fit, trainings, config, digits, tmp_path):
    evaluate([config], digits, tmp_path, 3, fit(9), verbose=False)
    evaluate([config], digits, tmp_path, 5, fit(9), verbose=False)
    rows = evaluate([config], digits, tmp_path, 2, fit(9), verbose=False)
    assert trainings == [[1, 2, 3], [4, 5]] and accuracies(rows) == [[1, 2]]


@pytest.mark.parametrize("damage", ["cut", "more seconds than a float has"])
def test_a_damaged_group_is_trained_again(damage, fit, trainings, config, digits, tmp_path):
    first = evaluate([config], digits, tmp_path, ROUNDS, fit(3), verbose=False)
    path = tmp_path / "groups" / "000-003.json"
    whole = json.loads(path.read_text()) | {"seconds": 10**400}
    path.write_text('{"config": 0, "numb' if damage == "cut" else json.dumps(whole))
    again = evaluate([config], digits, tmp_path, ROUNDS, fit(3), verbose=False)
    assert trainings == [[1, 2, 3], [4, 5], [6, 7], [4, 5]] and again == first


def test_another_evaluation_and_an_old_one_are_refused(
    fit, trainings, config, digits, tmp_path
):
    evaluate([config], digits, tmp_path, 3, fit(3), verbose=False)
    with pytest.raises(UserError, match="holds another evaluation"):
        evaluate([config] * 2, digits, tmp_path, 3, fit(3), verbose=False)
    path = tmp_path / "config.json"
    record = json.loads(path.read_text()) | {"group_sizes": [3]}
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match="an evaluation of an older keras_pairs"):
        evaluate([config], digits, tmp_path, 3, fit(3), verbose=False)
    assert len(trainings) == 1


def test_groups_inherit_the_choice_of_onednn(fit, trainings, config, digits, tmp_path):
    evaluate([config], digits, tmp_path, 3, fit(3), verbose=False)
    assert os.environ[machine.ONEDNN] == "1"


def test_memory_decides_how_many_members_fit(config):
    one = 40 * config.nb_f * 364 * 200
    assert members_that_fit(config, 3.5 * one) == 3
    assert members_that_fit(config, 0.1 * one) == 1


def test_of_two_evaluations_in_one_folder_the_second_is_refused(
    fit, trainings, config, digits, tmp_path
):
    (tmp_path / "run").mkdir()
    with locks.only_one(tmp_path / "run", "evaluation"):
        with pytest.raises(UserError, match="another evaluation is running in .*run"):
            evaluate([config], digits, tmp_path / "run", ROUNDS, fit(3), verbose=False)
    assert not trainings and not (tmp_path / "run" / "config.json").exists()
    assert len(evaluate([config], digits, tmp_path / "run", 2, fit(3), verbose=False)) == 1
    other = dataclasses.replace(config, seed=config.seed + 1)
    with pytest.raises(UserError, match="holds another evaluation"):
        evaluate([other], digits, tmp_path / "run", 2, fit(3), verbose=False)
