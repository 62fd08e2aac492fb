"""Writes a report on a search: tables, heat maps, learning curves, what matters.

    python -m tuner.report --run_dir=runs/grid

The search may be running, killed or finished; of its folder only `report` is written, or
--output instead. Where tensorboard is installed: tensorboard --logdir=runs/grid/report
"""

import pathlib

from keras_pairs import files
from keras_pairs.commands import runner
from keras_pairs.commands.flags import Flag
from keras_pairs.errors import UsageError
from keras_pairs.fields import folder
from tuner import looking, places

FLAGS = {
    "run_dir": looking.RUN_DIR,
    "output": Flag(folder(), "Folder for the report.", shown="<run_dir>/report"),
}


def main(values):
    run_dir, output = values["run_dir"].value, values["output"].value
    search = looking.read(run_dir)
    output = pathlib.Path(output or search.run_dir / places.REPORT)
    if output.resolve() == search.run_dir.resolve():
        raise UsageError("--output must be another folder than --run_dir")
    if output.is_dir() and values["output"].value:
        files.check_unused(output, "report", places.OF_REPORT, "--output")
    output = files.make_run_dir(output, "report")
    from tuner import reporting

    runner.say(reporting.write(search, output))
    runner.say(f"report: {runner.relative(output / reporting.REPORT)}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
