"""Searches for a training's settings, on keras-tuner.

A killed search goes on when its command is given again:

    python -m tuner search --nb_f=8,16 --run_dir=runs/grid
"""

from keras_pairs.commands import front_door

COMMANDS = ("search", "status", "report")


def run():
    front_door.run("tuner", __doc__, COMMANDS)


if __name__ == "__main__":
    run()
