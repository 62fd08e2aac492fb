"""Says how far a search is: done, failed, running, left, time to go, best so far.

    python -m tuner.status --run_dir=runs/grid

It only looks, at a search that is running, was killed, or has finished.
"""

from keras_pairs.commands import runner
from tuner import looking

FLAGS = {"run_dir": looking.RUN_DIR}


def main(values):
    runner.say(looking.describe(looking.read(values["run_dir"].value)))


def run():
    runner.run(main, __doc__, FLAGS, keras=False)


if __name__ == "__main__":
    run()
