"""Says whether the digit in one image is less than or equal to the one in another.

    python -m keras_pairs.predict a.png b.png
    python -m keras_pairs.predict both.jpg --split
    python -m keras_pairs.predict --csv=pairs.csv --json

The model in the box answers, or the one that --model names, and each answer says so. A CSV
file has one pair a row, with file names as seen from its own folder. A pair that cannot be
compared gets a line that says why, and so does a line of the file that is no pair, with its
number; the others are compared all the same. Line k answers the k-th pair; of a CSV file's
text one more line, the last, names the model and its data.
"""

import pathlib

from keras_pairs import startup
from keras_pairs.commands import answers, runner
from keras_pairs.errors import UserError

FLAGS = answers.FLAGS


def main(values, *images):
    flag = {name: values[name].value for name in FLAGS}
    answers.check_flags(flag, images)
    table = flag["csv"]
    folder = pathlib.Path(table).parent if table else pathlib.Path()
    rows = answers.read_rows(table) if table else [images]
    errors = []
    if flag["request"]:
        errors = answers.print_request(rows, folder)
    else:
        startup.import_tensorflow(keras=False, onednn=True)
        from keras_pairs.serving import comparer

        model = comparer.load(flag["model"])
        if table:
            errors = answers.print_answers(rows, folder, model, flag["json"])
        else:
            answers.print_answer(images, model, flag)
    if len(errors) == len(rows) == 1:
        raise UserError(str(errors[0]))
    if errors:
        raise UserError(f"{len(errors)} of {len(rows)} pairs could not be compared")


def run():
    runner.run(main, __doc__, FLAGS, arguments=2, keras=False)


if __name__ == "__main__":
    run()
