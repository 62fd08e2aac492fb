"""Every row of the table."""

import pytest

from tests.faults import running
from tests.faults.commands import COMMANDS
from tests.faults.faults import FAULTS
from tests.faults.inputs import Inputs
from tests.faults.table import ROWS


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    return Inputs(tmp_path_factory.mktemp("inputs"))


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=str)
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
