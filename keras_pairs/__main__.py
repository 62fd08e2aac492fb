"""Compares two MNIST digits: is the first less than or equal to the second?

    python -m keras_pairs train --nb_f=64
    python -m keras_pairs predict three.png seven.png

`python -m tuner` searches for a training's settings.
"""

from keras_pairs.commands import front_door

COMMANDS = ("train", "evaluate", "score", "export", "predict", "serve", "ink")


def run():
    front_door.run("keras_pairs", __doc__, COMMANDS)


if __name__ == "__main__":
    run()
