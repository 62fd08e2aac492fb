"""Pictures to MNIST's form in a process of its own, for who does without TensorFlow.

    python -m keras_pairs.pictures.prepare < paths > images

Each line of the input is JSON, the path of a picture. In the same order each line of the
output is JSON: `{"image": …}`, uint8 [28, 28] in base64; or `{"refused": …, "again": …}`,
why not, and whether to try again another time. `data.preparation` is who asks.
"""

import base64
import collections
import concurrent.futures
import json
import os
import signal
import sys

import numpy as np

from keras_pairs import machine, startup
from keras_pairs.errors import UserError

# Pictures for each thread that are read ahead: none waits for another's decoding.
AHEAD = 4
# What reading a picture of `MAX_PIXELS` takes; one of 2048×2048 takes 250 MiB.
THREAD_BYTES = 2**30


def answers(paths):
    """Prepares pictures as the served model does, on as many threads as there is room.

    Args:
      paths: iterable of str.

    Yields:
      dict for JSON, per path.
    """
    import tensorflow as tf

    from keras_pairs.pictures import drawing

    spec = tf.TensorSpec([], tf.string)
    form = tf.function(drawing.mnist_form, input_signature=[spec], autograph=False)
    waiting = collections.deque()
    threads = max(1, min(machine.cores(), machine.memory() // THREAD_BYTES))
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for path in paths:
            waiting.append(pool.submit(_answer, form, path))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _answer(form, path):
    import tensorflow as tf

    from keras_pairs.graph import reason
    from keras_pairs.pictures import image_files

    try:
        image = np.rint(form(image_files.read_png(path)).numpy()).astype("uint8")
    except UserError as error:
        # A system's error has a number: the disk's, not the picture's.
        again = getattr(error.__cause__, "errno", None) is not None
        return {"refused": str(error).removeprefix(f"{path}: "), "again": again}
    except tf.errors.InvalidArgumentError as error:
        return {"refused": reason(error), "again": False}
    except Exception as error:
        # Such as too little memory; one picture must not end all others' preparation.
        return {"refused": f"{type(error).__name__}: {error}", "again": True}
    return {"image": base64.b64encode(image).decode()}


def main():
    # Ctrl-C is for who asks; this process ends with its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever others print must not get between the answers.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    startup.quiet()
    startup.import_tensorflow(onednn=True)
    for answer in answers(map(json.loads, sys.stdin)):
        print(json.dumps(answer), file=output, flush=True)


if __name__ == "__main__":
    main()
