"""Versions appear whole, once, and never come back."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs import files
from keras_pairs.errors import UserError
from keras_pairs.networks.build import build_model
from keras_pairs.outputs import OUTPUTS
from keras_pairs.serving import checks, publishing, signatures, warmup
from tests import networks


@pytest.fixture(scope="module")
def tiny():
    return build_model(networks.config(nb_f=1))


def answering_logits():
    """A network without its last activations."""
    model = build_model(networks.config(nb_f=1))
    outputs = {o.name: model.get_layer(o.name).input for o in OUTPUTS}
    return keras.Model(model.input, outputs)


def names(folder):
    return {path.name for path in folder.iterdir()} - {".lock", ".last_version"}


def test_a_number_is_given_once(tiny, tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "9").write_text("a file")
    (tmp_path / "draft").mkdir()
    assert publishing.publish(tiny, tmp_path).name == "10"
    assert not list((tmp_path / "7").iterdir())
    # Rolled back by hand: a server that knew version 10 would not load another 10.
    os.rename(tmp_path / "10", tmp_path / "withdrawn")
    assert publishing.publish(tiny, tmp_path).name == "11"
    assert names(tmp_path) == {"7", "9", "draft", "withdrawn", "11"}


def test_an_existing_version_is_not_touched(tiny, tmp_path):
    def contents(version):
        found = (path for path in version.rglob("*") if path.is_file())
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    first = publishing.publish(tiny, tmp_path)
    before = contents(first)
    publishing.publish(tiny, tmp_path)
    assert contents(first) == before and len(before) >= 6


def test_nothing_is_published_into_a_version(tiny, tmp_path):
    version = publishing.publish(tiny, tmp_path)
    before = {path.name for path in version.iterdir()}
    with pytest.raises(UserError, match="1 is a version; give the folder that it is in"):
        publishing.publish(tiny, version)
    assert {path.name for path in version.iterdir()} == before


def test_keep_removes_the_oldest(tiny, tmp_path):
    for _ in range(3):
        publishing.publish(tiny, tmp_path)
    assert names(tmp_path) == {"1", "2", "3"}
    publishing.publish(tiny, tmp_path, keep=2)
    assert names(tmp_path) == {"3", "4"}
    with pytest.raises(ValueError, match="keep must be at least 2. Received: keep=1"):
        publishing.publish(tiny, tmp_path, keep=1)
    assert names(tmp_path) == {"3", "4"}


@pytest.mark.slow
def test_workspaces_of_the_dead_are_cleared_and_of_the_living_not(tiny, tmp_path):
    code = """
import pathlib, sys, time
from keras_pairs.serving.publishing import _workspace
with _workspace(pathlib.Path(sys.argv[1])) as folder:
    (folder / "version").mkdir()
    print(folder.name, flush=True)
    time.sleep(600)
"""
    arguments = [sys.executable, "-c", code, tmp_path]
    options = {"stdout": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen(arguments, **options) as first,
        subprocess.Popen(arguments, **options) as second,
    ):
        dead, living = (other.stdout.readline().strip() for other in (first, second))
        first.kill()
        first.wait()
        (tmp_path / f"{publishing.WORKSPACE}without-lock").mkdir()
        assert {dead, living} < names(tmp_path)
        publishing.publish(tiny, tmp_path)
        assert names(tmp_path) == {living, "1"}
        second.kill()
    publishing.publish(tiny, tmp_path)
    assert names(tmp_path) == {"1", "2"}


def test_a_wrong_answer_is_not_published(tiny, tmp_path, monkeypatch):
    right = signatures.save

    def wrong(model, path):
        other = keras.models.clone_model(model)
        other.get_layer("comparison_logits").bias.assign([3.0])
        right(other, path)

    monkeypatch.setattr(signatures, "save", wrong)
    with pytest.raises(UserError, match="differs from the Keras model's by"):
        publishing.publish(tiny, tmp_path)
    assert names(tmp_path) == set()


def test_a_model_that_answers_nan_is_not_published(tmp_path):
    model = build_model(networks.config(nb_f=1))
    model.get_layer("comparison_logits").bias.assign([np.nan])
    with pytest.raises(UserError, match="comparison is no probability"):
        publishing.publish(model, tmp_path)
    assert names(tmp_path) == set()


def test_a_model_that_answers_one_number_for_all_pairs_is_refused():
    pair = keras.Input((2, 14, 14), name="pair")
    model = keras.Model(pair, {"comparison": keras.ops.mean(pair) / 255})
    with pytest.raises(UserError, match=r"its comparison is \[\]"):
        checks.of_network(model, np.zeros((2, 2, 14, 14), "float32"))


def test_a_model_that_answers_logits_is_not_published(tmp_path):
    with pytest.raises(UserError, match="is no probability"):
        publishing.publish(answering_logits(), tmp_path)
    assert names(tmp_path) == set()


def test_a_failing_warmup_record_is_not_published(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(
        warmup, "_encode", lambda images: np.full((4, 2), b"no PNG", object)
    )
    with pytest.raises(UserError, match="the SavedModel fails: .*not a PNG file"):
        publishing.publish(tiny, tmp_path)
    assert names(tmp_path) == set()


def test_warmup_file_is_what_a_server_reads(published):
    from tensorflow_serving.apis import prediction_log_pb2

    records = list(tf.data.TFRecordDataset(str(published / warmup.FILE)))
    served = tf.saved_model.load(str(published)).signatures
    seen = []
    for record in records:
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == "digit_pairs"
        signature = request.model_spec.signature_name
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        assert set(inputs) == {signatures.INPUTS[signature].name}
        answers = served[signature](**{k: tf.constant(v) for k, v in inputs.items()})
        assert all(np.isfinite(x).all() for x in answers.values())
        # Nothing that this project did not declare, nor a field of another meaning.
        assert log.SerializeToString(deterministic=True) == record.numpy()
        seen.append(signature)
    assert seen == ["serving_default", "images", "png", "png", "prepare"]


VERSIONS, KEEP = 16, 5


def publish_and_die(folder, seed):
    """Publishes until `VERSIONS` are out, in children that are killed amidst it."""
    rng = np.random.default_rng(seed)
    parent = os.getpid()
    while (last := publishing._highest(folder)) < VERSIONS:
        child = os.fork()
        if not child:
            model = build_model(networks.config(nb_f=1))
            while os.getppid() == parent:
                publishing.publish(model, folder, keep=KEEP)
            os._exit(0)
        # The other publisher's versions count as well.
        last = min(last + rng.integers(1, 12), VERSIONS)
        while publishing._highest(folder) < last:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def poll(folder, stop, results):
    """Looks every few milliseconds and loads each new number.

    Sends (seen, loaded, failures); a version that went meanwhile is seen and not loaded.
    Told to stop, it ends when there is nothing new.
    """
    seen, loaded, failures = set(), [], []
    while True:
        time.sleep(0.003)
        numbers = sorted(int(name) for name in os.listdir(folder) if name.isdigit())
        # Of the newest, as a server; the oldest may be taken away while it is read.
        number = next((x for x in numbers[-3:] if x not in seen), None)
        if number is None:
            if stop.is_set():
                break
            continue
        seen.add(number)
        version = folder / str(number)
        try:
            served = tf.saved_model.load(str(version)).signatures
            for signature, inputs in warmup.read(version):
                inputs = {name: tf.constant(value) for name, value in inputs.items()}
                answers = served[signature](**inputs)
                share = answers.get("comparison", tf.zeros((1, 1)))
                assert 0 <= float(share[0, 0]) <= 1
            assert files.read_json(version / "model_card.json")["version"] == number
            loaded.append(number)
        except BaseException as error:
            # It may go while it is loaded, but only when `KEEP` newer ones are there.
            if version.exists() or publishing._highest(folder) < number + KEEP:
                failures.append(f"{number}: {error!r}")
    results.put((seen, loaded, failures))


@pytest.mark.slow
def test_a_server_sees_only_whole_versions(tmp_path):
    """16 versions by two publishers at once, killed at random; old ones are removed."""
    # Children of a process that has imported TensorFlow but not used it start at once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["keras_pairs.serving.publishing", __name__])
    stop, results = context.Event(), context.Queue()
    work = [(poll, (tmp_path, stop, results))]
    work += [(publish_and_die, (tmp_path, seed)) for seed in (1, 2)]
    poller, *publishers = processes = [
        context.Process(target=function, args=arguments, daemon=True)
        for function, arguments in work
    ]
    for process in processes:
        process.start()
    for publisher in publishers:
        publisher.join(600)
        assert publisher.exitcode == 0
    left = list(tmp_path.glob(f"{publishing.WORKSPACE}*"))
    last = publishing.publish(build_model(networks.config(nb_f=1)), tmp_path, keep=KEEP)
    stop.set()
    seen, loaded, failures = results.get(timeout=120)
    poller.join()
    assert not failures
    # A busy machine loads more slowly than versions come and go.
    assert len(seen) >= 0.5 * VERSIONS and int(last.name) in loaded
    assert left and len(names(tmp_path)) == KEEP and all(map(str.isdigit, names(tmp_path)))
