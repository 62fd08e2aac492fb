"""Asks an exported ONNX file with numpy and onnxruntime alone: no Keras, no TensorFlow.

python docs/examples/onnx_numpy.py digit_pairs.onnx mnist.npz
"""

import sys

import numpy as np
import onnxruntime


def main(model, data, count=4):
    """Compares the first test images of an .npz with each other, two by two."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    images = np.load(data)["x_test"][: 2 * count]
    # The file refuses nothing, so look first: uint8, 28×28, 0 is background.
    assert images.dtype == np.uint8 and images.shape[1:] == (28, 28) and images.max() > 1
    pooled = images.reshape(-1, 14, 2, 14, 2).mean((2, 4), dtype="float32")
    pairs = {"pair": pooled.reshape(-1, 2, 14, 14)}
    answers = session.run(["comparison", "first_digit", "second_digit"], pairs)
    for (yes,), first, second in zip(*answers, strict=True):
        print(f"{first.argmax()} <= {second.argmax()}: {yes:.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
