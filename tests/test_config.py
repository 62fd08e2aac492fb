import dataclasses
import json
import pathlib

import numpy as np
import pytest

from keras_pairs.commands import configurations
from keras_pairs.config import PRESETS, SEED_STEP, TrainingConfig
from keras_pairs.paper import TABLE1


def test_table1_gives_what_is_not_given():
    config = TrainingConfig.from_preset(nb_f=64)
    assert (config.lr, config.batch_size, config.w_a, config.epochs) == (
        0.005,
        100,
        1.0,
        150,
    )
    assert (config.w_m, config.num_pairs) == (1.0, 1000)
    config = TrainingConfig.from_preset(nb_f=8, w_a=0.0)
    assert (config.lr, config.batch_size, config.w_a) == (0.01, 200, 0.0)
    config = TrainingConfig.from_preset(nb_f=8, w_a=3.0, lr=0.1)
    assert (config.lr, config.batch_size, config.w_a) == (0.1, 200, 3.0)


@pytest.mark.parametrize(("nb_f", "row"), [(1, 8), (12, 16), (11, 8), (50, 64), (999, 64)])
def test_unlisted_width_takes_the_nearest_row(nb_f, row):
    near = TrainingConfig.from_preset(nb_f=row)
    assert TrainingConfig.from_preset(nb_f=nb_f) == dataclasses.replace(near, nb_f=nb_f)


def test_presets():
    paper = TrainingConfig.from_preset()
    assert paper == TrainingConfig(64, 0.005, 100) and paper.beyond_paper() == {}
    shared = TrainingConfig.from_preset("shared")
    assert shared == dataclasses.replace(paper, weight_sharing=True)
    assert shared.beyond_paper() == {"weight_sharing": True}
    best = TrainingConfig.from_preset("best", augmentation=False, epochs=None)
    assert best.weight_sharing and best.epochs == PRESETS["best"]["epochs"]
    assert "augmentation" not in best.beyond_paper()


def test_table1_is_the_papers():
    assert [(r.nb_f, r.w_a, r.mean) for r in TABLE1 if r.nb_f in (8, 64)] == [
        (8, 0.0, 81.69),
        (8, 0.7, 80.81),
        (64, 0.0, 83.10),
        (64, 1.0, 92.03),
    ]


class AsBytes:
    def __fspath__(self):
        return b"mnist.npz"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("nb_f", 0, "at least 1"),
        ("nb_f", 2**31, "less than 2..31"),
        ("lr", 0.0, "positive"),
        ("lr", float("nan"), "positive"),
        ("lr", float("inf"), "finite"),
        ("lr", 10**400, "finite"),
        ("batch_size", 0, "at least 1"),
        ("w_a", -0.1, "at least 0"),
        ("w_m", float("inf"), "finite"),
        ("epochs", 0, "at least 1"),
        ("seed", -1, "at least 0"),
        ("seed", 2**53, "less than 2..53"),
        ("data_path", AsBytes(), "a path"),
        ("data_path", 5, "a path"),
        ("data_path", "", "an existing file or folder"),
        ("num_pairs", 0, "at least 1"),
        ("dataset", "cifar", "one of"),
        ("trunk", "elephants", "one of paper, padded"),
        ("label_smoothing", 1.0, "less than 1"),
    ],
)
def test_values_out_of_range_are_refused(config, name, value, rule):
    with pytest.raises(ValueError, match=f"{name} must be.*{rule}.*Received"):
        dataclasses.replace(config, **{name: value})


def test_numbers_of_numpy_and_paths_are_recorded_as_what_they_are(config):
    given = {"lr": np.float32(0.5), "seed": np.int64(7), "data_path": pathlib.Path("a/b")}
    made = dataclasses.replace(config, **given)
    wanted = config.to_dict() | {"lr": 0.5, "seed": 7, "data_path": str(given["data_path"])}
    assert json.loads(json.dumps(made.to_dict())) == wanted
    assert made == TrainingConfig(**wanted)
    assert [type(getattr(made, name)) for name in given] == [float, int, str]


@pytest.mark.parametrize("several", [{"committee": 4}, {"teachers": 3, "committee": 1}])
def test_a_seed_leaves_room_for_those_that_are_counted_from_it(config, several):
    room = 4 * SEED_STEP
    last = dataclasses.replace(config, seed=2**53 - 1 - room, **several)
    assert max(c.seed for stage in last.stages() for c in stage.networks()) < 2**53
    with pytest.raises(ValueError, match="seed is too large .*: 9007199250740980"):
        dataclasses.replace(last, seed=last.seed + 1)


def test_both_weights_zero_is_refused(config):
    with pytest.raises(ValueError, match="w_m [+] w_a must be positive"):
        dataclasses.replace(config, w_m=0.0, w_a=0.0)


def test_what_is_inside_a_package_is_not_shown_as_a_file(config, digits, capsys):
    configurations.show(config, digits)
    configurations.show(config, dataclasses.replace(digits, name="m", source="a/m.npz"))
    inside, file = capsys.readouterr().out.splitlines()
    assert "  dataset=digits (from scikit-learn)  num_pairs=60" in inside
    assert "  dataset=m (from a/m.npz)  num_pairs=60" in file
    assert "data_path" not in inside + file
