import pytest

from tests.faults.inputs import Inputs


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """What the commands read, each made once."""
    return Inputs(tmp_path_factory.mktemp("inputs"))
