"""Rows of the table: one of each fault, or with KERAS_PAIRS_FAULTS=all every one."""

import os

import pytest

from tests.faults import results, running
from tests.faults.commands import COMMANDS
from tests.faults.faults import FAULTS
from tests.faults.table import ROWS, few

CHOSEN = ROWS if os.environ.get("KERAS_PAIRS_FAULTS") == "all" else few()


@pytest.mark.slow
@pytest.mark.parametrize("row", CHOSEN, ids=str)
def test_row(row, inputs, tmp_path):
    try:
        wrong = running.judge(row, tmp_path, inputs)
    except running.CannotBeMadeError as error:
        pytest.skip(str(error))
    assert not wrong, "\n".join(wrong)


def test_every_command_and_every_fault_has_a_row():
    assert {row.command for row in ROWS} == {*COMMANDS}
    assert {row.fault for row in ROWS} | {"no fault"} == {*FAULTS}
    assert len({str(row) for row in ROWS}) == len(ROWS)
    assert {row.fault for row in few()} == {row.fault for row in ROWS}


def test_what_is_recorded_is_of_this_table():
    recorded = results.read(results.RECORDED)
    assert recorded and {*recorded} <= {str(row) for row in ROWS}
    assert {result["result"] for result in recorded.values()} <= {"right", "skipped"}
