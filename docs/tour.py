"""Executes docs/tour.ipynb and stores its outputs.

    python -m docs.tour    # needs pip install -e '.[notebook]'

It runs in docs/, with the packages of this repository. What belongs to the machine that ran
it, such as times and versions, is not stored.
"""

import os
import pathlib

import nbformat
from nbclient import NotebookClient

from keras_pairs.files import atomic_write

NOTEBOOK = pathlib.Path(__file__).with_name("tour.ipynb")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def executed():
    """The notebook with new outputs, as a `nbformat.NotebookNode`.

    Raises:
      nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    notebook = nbformat.read(NOTEBOOK, 4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name=KERNEL["name"],
        record_timing=False,
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    )
    client.execute(env=os.environ | {"PYTHONPATH": str(NOTEBOOK.parent.parent)})
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return notebook


if __name__ == "__main__":
    notebook = executed()
    with atomic_write(NOTEBOOK) as temporary:
        nbformat.write(notebook, temporary)
    print(f"docs/{NOTEBOOK.name} written")
