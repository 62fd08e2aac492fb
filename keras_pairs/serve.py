"""Serves a published model over HTTP, in TF-Serving's REST dialect.

    python -m keras_pairs.serve --model=saved_models/mnist-paper
    curl http://127.0.0.1:8501/v1/models/mnist-paper

Versions that are published into the folder later are served as soon as they are complete.
Without --model the model in the box is served, as digit_pairs. Ctrl-C, SIGTERM or the end
of its terminal ends the server once it has answered what was asked. It needs
`pip install 'keras_pairs[serve]'`.
"""

import sys

from keras_pairs.commands import endings, flags, runner
from keras_pairs.fields import integer, text
from keras_pairs.server import process

FLAGS = {
    **flags.others("model"),
    "host": flags.Flag(
        text(), "Address to listen on; 0.0.0.0 for every machine's requests.", "127.0.0.1"
    ),
    "port": flags.Flag(
        integer(0, 65535), "Port to listen on; 0 for any that is free.", 8501
    ),
}


def main(values):
    flag, served = {name: values[name].value for name in FLAGS}, []

    def say(line):
        served.append(line)
        runner.say(line)

    try:
        process.run(flag["model"], flag["host"], flag["port"], say)
    except KeyboardInterrupt as error:
        if not served:
            raise
        # Asked to end, it has ended: there is nothing to tell.
        sys.exit(endings.status(error))


def run():
    runner.run(main, __doc__, FLAGS, keras=False)


if __name__ == "__main__":
    run()
