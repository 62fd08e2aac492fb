"""Runs rows of the table, and counts them.

    python -m tests.faults                          # all, half an hour
    python -m tests.faults --only=predict,full --record=docs/studies/faults/results.json

`--only` takes words with commas between; a row that holds one of them is run. `--record`
is a file that is written after each row; a row that was right there is not run again.
"""

import pathlib
import tempfile
import time

from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import text
from tests.faults import results, running
from tests.faults.inputs import Inputs
from tests.faults.table import ROWS

FLAGS = {
    "only": flags.Flag(text(), "Words, one of which a row must hold.", shown="all rows"),
    "record": flags.Flag(text(), "File for the results."),
}


def main(values):
    words = (values["only"].value or "").split(",")
    record = values["record"].value
    known = results.read(record) if record else {}
    with tempfile.TemporaryDirectory() as kept:
        inputs = Inputs(kept)
        for row in ROWS:
            wanted = any(word in str(row) for word in words)
            if wanted and known.get(str(row), {}).get("result") != "right":
                known[str(row)] = result = judged(row, inputs)
                runner.say(f"{row}: {result['result']} ({result['seconds']} s)")
                for line in result["wrong"]:
                    runner.say(f"    {line}")
                if record:
                    results.write(record, known)
    runner.say(results.tabulate(known))
    if any(result["result"] == "wrong" for result in known.values()):
        raise UserError("not every row is right")


def judged(row, inputs):
    """What became of a row, as a dict for JSON."""
    begun = time.monotonic()
    result, wrong = "right", []
    with tempfile.TemporaryDirectory() as folder:
        try:
            wrong = running.judge(row, pathlib.Path(folder), inputs)
        except running.CannotBeMadeError as error:
            result, wrong = "skipped", [str(error)]
    if wrong and result == "right":
        result = "wrong"
    seconds = round(time.monotonic() - begun)
    return {"row": str(row), "result": result, "wrong": wrong, "seconds": seconds}


if __name__ == "__main__":
    runner.run(main, __doc__, FLAGS)
