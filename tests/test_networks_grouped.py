"""What happens where TensorFlow has no grouped convolutions."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import ROOT

# A notebook on a processor without AVX-512, where oneDNN is off by default: TensorFlow is
# imported before this package and nobody has said anything about oneDNN.
NOTEBOOK = """
import os, sys
import numpy as np
import tensorflow as tf
del os.environ["TF_ENABLE_ONEDNN_OPTS"]
tf.constant(1)
print("imported", file=sys.stderr, flush=True)
sys.path.insert(0, sys.argv[1])
from keras_pairs import TrainingConfig, fit, load_images, sample_pairs
splits = sample_pairs(load_images("digits"), 60, seed=5)
configs = [TrainingConfig(4, 0.005, 20, w_a=k, epochs=2, seed=k) for k in range(3)]
history = fit(configs, splits).history
fit(configs[:2], splits)
np.save(sys.argv[2], history["val_loss"])
"""
# There one network is no population: it lacks nothing.
ALONE = NOTEBOOK.replace("range(3)", "range(1)").replace("fit(configs[:2], splits)\n", "")


def test_a_lone_network_says_nothing(tmp_path):
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "0"}
    command = [sys.executable, "-c", ALONE, ROOT, tmp_path / "0.npy"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.partition("imported\n")[2] == ""


@pytest.mark.slow
def test_without_onednn_the_results_are_the_same_and_one_sentence_is_said(tmp_path):
    results = {}
    for onednn in "01":
        out = tmp_path / f"{onednn}.npy"
        environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": onednn}
        command = [sys.executable, "-c", NOTEBOOK, ROOT, out]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        results[onednn] = np.load(out)
        told = done.stderr.partition("imported\n")[2].splitlines()
        assert len(told) == (onednn == "0"), told
        assert all("set TF_ENABLE_ONEDNN_OPTS=1 before" in line for line in told)
    # Where a gradient is all rounding, one of Adam's steps is lr = 0.005 elsewhere, and a
    # loss has slopes below 1/2; see `tests/test_training_fit.py`.
    np.testing.assert_allclose(results["0"], results["1"], atol=0.005)
