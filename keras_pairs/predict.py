"""Says whether the digit in one image is less than or equal to the one in another.

    python -m keras_pairs.predict a.png b.png
    python -m keras_pairs.predict --csv=pairs.csv --json

The model in the box answers, or the one that --model names, and each answer says so. A CSV
file has one pair a row, with file names as seen from its own folder. A pair that cannot be
compared gets a line that says why; the others are compared all the same. Line k answers the
k-th pair; of a CSV file's text one more line, the last, names the model and its data.
"""

import pathlib

from keras_pairs import startup
from keras_pairs.commands import answers, flags, runner
from keras_pairs.errors import UsageError, UserError

FLAGS = flags.others("model", "csv", "json", "request")


def main(values, *images):
    table = values["csv"].value
    if len(images) != (0 if table else 2):
        raise UsageError(
            "--csv and images do not go together" if table else "needs two images, or --csv"
        )
    as_json, request = values["json"].value, values["request"].value
    if as_json and request:
        raise UsageError("--json does not go with --request")
    rows = answers.read_rows(table) if table else [images]
    folder = pathlib.Path(table).parent if table else pathlib.Path()
    errors = []
    if request:
        errors = answers.print_request(rows, folder)
    else:
        startup.import_tensorflow(keras=False)
        from keras_pairs.serving import comparer

        model = comparer.load(values["model"].value)
        if table:
            errors = answers.print_answers(rows, folder, model, as_json)
        else:
            found = model.compare(*([image] for image in images))
            line = answers.describe(images, found, 0, model, as_json)
            runner.say(line if as_json else f"{line} [{model}]")
    if len(errors) == len(rows) == 1:
        raise UserError(str(errors[0]))
    if errors:
        raise UserError(f"{len(errors)} of {len(rows)} pairs could not be compared")


def run():
    runner.run(main, __doc__, FLAGS, arguments=2, keras=False)


if __name__ == "__main__":
    run()
