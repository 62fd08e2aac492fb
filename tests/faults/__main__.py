"""Runs rows of the table, and counts them.

    python -m tests.faults                          # all, which takes hours
    python -m tests.faults --only=predict,full --record=faults.jsonl

`--only` takes words with commas between; a row that holds one of them is run. `--record`
is a file that gets a line of JSON for each row; a row that is there and was right is not
run again.
"""

import collections
import json
import pathlib
import re
import tempfile
import time

from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import text
from keras_pairs.tables import markdown_table
from tests.faults import running
from tests.faults.inputs import Inputs
from tests.faults.table import ROWS

FLAGS = {
    "only": flags.Flag(text(), "Words, one of which a row must hold.", shown="all rows"),
    "record": flags.Flag(text(), "File for the results."),
}


def main(values):
    words = (values["only"].value or "").split(",")
    record = values["record"].value and pathlib.Path(values["record"].value)
    known = {}
    if record and record.exists():
        lines = map(json.loads, record.read_text().splitlines())
        known = {line["row"]: line for line in lines}
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
                    with open(record, "a") as file:
                        file.write(json.dumps(result) + "\n")
    runner.say(counted(known.values()))
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


def counted(results):
    """The table of how many rows of each fault were right."""
    faults = collections.defaultdict(collections.Counter)
    for result in results:
        command, _, fault = result["row"].partition(": ")
        kind = re.sub(r" (at )?\d+k?$| under nohup$", "", fault)
        faults[kind][result["result"]] += 1
    lines = [("fault", "rows", "right", "skipped")]
    for kind, count in sorted(faults.items()):
        numbers = (sum(count.values()), count["right"], count["skipped"])
        lines.append((kind, *map(str, numbers)))
    return markdown_table(lines)


if __name__ == "__main__":
    runner.run(main, __doc__, FLAGS)
