"""A new output is one row; what was published before keeps its own outputs."""

import os
import subprocess
import sys

import numpy as np

from keras_pairs.outputs import OUTPUTS, targets
from tests.helpers import ROOT

ROW = """
import sys
import numpy as np
from keras_pairs import outputs

row = outputs.Output("same", 1, True, lambda first, second: first == second)
outputs.OUTPUTS = (*outputs.OUTPUTS, row)

import keras_pairs
from keras_pairs import scoring

images = keras_pairs.load_images("digits")
for preset in ("paper", "best"):
    config = keras_pairs.TrainingConfig.from_preset(preset, nb_f=4, epochs=1, num_pairs=60)
    run = keras_pairs.train_run(
        config, images, run_dir=f"{preset}/run", export_dir=f"{preset}/saved"
    )
    names = {"comparison", "first_digit", "second_digit", "same"}
    assert run.metrics["test_accuracy"].keys() == names
    assert {f"val_{name}_loss" for name in names} <= run.metrics["last_epoch"].keys()
    pairs = keras_pairs.sample_pairs(images, 60, 0).test
    answers = keras_pairs.load(f"{preset}/saved").compare(*pairs.images.swapaxes(0, 1))
    assert answers.outputs.keys() == names
    says = answers.outputs["same"].squeeze() >= 0.5
    share = (says == (pairs.digits[:, 0] == pairs.digits[:, 1])).mean()
    assert abs(share - run.metrics["test_accuracy"]["same"]) < 0.02, share
    model, _ = keras_pairs.load_run(f"{preset}/run")
    assert list(model.output) == ["comparison", "first_digit", "second_digit", "same"]
box = keras_pairs.load().compare(*images.x_test[:6].reshape(2, 3, 28, 28))
assert box.outputs.keys() == names - {"same"} and not np.isnan(box.probability).any()
"""


def test_a_fourth_output_is_one_row(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ROW],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_targets_by_brute_force():
    digits = np.array([[i, j] for i in range(10) for j in range(10)], "int32")
    found = targets(digits)
    assert list(found) == [output.name for output in OUTPUTS]
    for (first, second), *row in zip(digits.tolist(), *found.values(), strict=True):
        assert row == [float(first <= second), first, second]
    kinds = {name: values.dtype.name for name, values in found.items()}
    assert kinds == {
        "comparison": "float32",
        "first_digit": "int32",
        "second_digit": "int32",
    }
