"""docs/tour.ipynb: what it stores, and that it runs."""

import json
import re

import pytest

from tests.helpers import ROOT

NOTEBOOK = ROOT / "docs" / "tour.ipynb"


def cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def kinds(cell):
    """What a cell shows: text, or a picture; not how often."""
    found = [{output["output_type"], *output.get("data", ())} for output in cell["outputs"]]
    return set().union(*found) & {"stream", "image/png", "text/html", "error"}


def texts(notebook):
    """All that the outputs hold but pictures."""
    for cell in cells(notebook):
        for output in cell["outputs"]:
            values = [output.get("text", ""), *output.get("data", {}).items()]
            yield json.dumps([value for value in values if "image/png" not in value])


@pytest.fixture(scope="module")
def stored():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def test_it_is_stored_as_it_ran(stored):
    counts = [cell["execution_count"] for cell in cells(stored)]
    assert counts == list(range(1, len(counts) + 1)) and len(counts) > 8
    assert sum("image/png" in kinds(cell) for cell in cells(stored)) >= 4
    assert not [cell["source"] for cell in cells(stored) if "error" in kinds(cell)]
    assert NOTEBOOK.stat().st_size < 200_000


def test_its_outputs_are_of_no_machine(stored):
    for text in texts(stored):
        assert not re.findall(r'[^<\w.:/](/[\w.-]+/[^"\s]*|[A-Z]:\\\\[^"]*)', text), text
    assert set(stored["metadata"]) == {"kernelspec", "language_info"}
    assert stored["metadata"]["language_info"] == {"name": "python"}


@pytest.mark.slow
def test_it_runs_and_shows_what_is_stored(stored):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    from docs import tour

    found = tour.executed()
    assert [cell["source"] for cell in cells(found)] == [
        "".join(cell["source"]) for cell in cells(stored)
    ]
    for new, old in zip(cells(found), cells(stored), strict=True):
        assert kinds(new) == kinds(old), new["source"]
        streams = [o for o in new["outputs"] if o.get("name") == "stderr"]
        assert not streams, streams
    assert json.loads(NOTEBOOK.read_text(encoding="utf-8")) == stored
