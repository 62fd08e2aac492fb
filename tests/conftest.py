import gc
import importlib.util
import os

import numpy as np
import pytest

from keras_pairs.config import TrainingConfig
from keras_pairs.data import load_images, pool, sample_pairs
from tests.helpers import png

# Servers that the tests start are on this machine, whatever proxy it has.
os.environ |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
# Keras keeps the graphs of all earlier tests, millions of objects, and collects garbage
# often: going through them again and again was a third of the suite's time.
gc.set_threshold(100_000)


class WithoutServer(pytest.Module):
    """A test file that is skipped."""

    def collect(self):
        pytest.skip("needs pip install 'keras_pairs[serve]'", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Skips the files that import the server, where its packages are missing."""
    packages = ("starlette", "uvicorn", "orjson")
    missing = any(importlib.util.find_spec(name) is None for name in packages)
    if missing and module_path.name.startswith("test_serve_"):
        return WithoutServer.from_parent(parent, path=module_path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keeps the tests of a file in one process, which makes their fixtures once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(autouse=True, scope="module")
def frozen_garbage():
    """Takes what a test file leaves out of the collector's sight."""
    yield
    gc.freeze()


@pytest.fixture(scope="session")
def digits():
    """The digits that ship inside scikit-learn."""
    return load_images("digits")


@pytest.fixture(scope="session")
def splits(digits):
    """60 training, validation and test pairs."""
    return sample_pairs(digits, 60, seed=5)


@pytest.fixture(scope="session")
def config():
    """A tiny training."""
    return TrainingConfig(
        nb_f=4,
        lr=0.005,
        batch_size=20,
        w_a=0.7,
        epochs=3,
        seed=1,
        dataset="digits",
        num_pairs=60,
    )


@pytest.fixture(scope="session")
def npz(tmp_path_factory):
    """An .npz in MNIST's form, 400 + 200 images whose pixels tell which one they are."""
    rng = np.random.default_rng(0)

    def part(count, first):
        x = np.zeros((count, 28, 28), "uint8")
        number = first + np.arange(count)
        # Constant over 2x2 blocks: pooling keeps the values.
        x[:, 0:2, 0:2] = (number % 256)[:, None, None]
        x[:, 0:2, 2:4] = (number // 256)[:, None, None]
        return x, rng.integers(0, 10, count).astype("uint8")

    x_train, y_train = part(400, 0)
    x_test, y_test = part(200, 400)
    path = tmp_path_factory.mktemp("data") / "mnist.npz"
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.fixture(scope="session")
def network(digits):
    """A small network that has learnt to read the embedded digits (five seconds)."""
    from keras_pairs.training.fit import fit

    # Shared weights learn to read in half the time.
    config = TrainingConfig(8, 0.01, 100, epochs=12, weight_sharing=True)
    pairs = sample_pairs(digits, 1000, seed=0)
    return fit([config], pairs, validate=False).member(0)


@pytest.fixture(scope="session")
def published(network, tmp_path_factory):
    """`network` as version 1 of a folder: the version's Path."""
    from keras_pairs.serving import publishing

    return publishing.publish(network, tmp_path_factory.mktemp("models") / "digit_pairs")


@pytest.fixture(scope="session")
def answers(network, digits):
    """Seven pairs of digits in each signature's form, and the Keras model's answers.

    (dict: signature → (input name, array), dict: output → array).
    """
    images = digits.x_test[:14].reshape(7, 2, 28, 28)
    files = np.empty((7, 2), object)
    for place in np.ndindex(7, 2):
        files[place] = png(images[place])
    pairs = pool(images.reshape(-1, 28, 28)).reshape(7, 2, 14, 14)
    requests = {
        "serving_default": ("pair", pairs),
        "images": ("images", images),
        "png": ("png_bytes", files),
    }
    expected = {name: np.asarray(x) for name, x in network(pairs, training=False).items()}
    return requests, expected


@pytest.fixture(scope="session")
def box_server():
    """The model in the box, served: `tests.servers.Server`."""
    pytest.importorskip("uvicorn", reason="needs pip install 'keras_pairs[serve]'")
    from tests.helpers import BOX
    from tests.servers import running

    with running(BOX) as server:
        yield server


@pytest.fixture
def fake_server():
    """A server of one `tests.servers.FakeVersion`."""
    from tests.helpers import BOX
    from tests.servers import FakeVersion, running

    version = FakeVersion()
    with running(BOX, lambda path, number: version) as server:
        yield server
        version.open.set()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium that Playwright drives; its event loop ends with the test file."""
    from tests.browsers import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page_server(browser, request):
    """What serves the page to a browser: `tests.servers.Server`.

    The model is KERAS_PAIRS_MODEL or the one in the box.
    """
    if "KERAS_PAIRS_MODEL" not in os.environ:
        yield request.getfixturevalue("box_server")
        return
    pytest.importorskip("uvicorn", reason="needs pip install 'keras_pairs[serve]'")
    from tests.servers import running

    with running(os.environ["KERAS_PAIRS_MODEL"]) as server:
        yield server


@pytest.fixture
def visit(browser, page_server):
    """Opens the page, see `browsers.visiting`."""
    from tests.browsers import visiting

    with visiting(browser, f"http://{page_server.address}/") as visit:
        yield visit


@pytest.fixture
def squares(visit):
    """The two squares of an opened page."""
    from tests.browsers import squares

    return squares(visit())


@pytest.fixture
def no_training(monkeypatch):
    """Takes the trainings and the picture out of `tests.searches.run`."""
    from keras_pairs.training import fit
    from tests import searches
    from tuner import plots

    monkeypatch.setattr(fit, "fit", searches.train_nothing)
    monkeypatch.setattr(plots, "plot_search", lambda *_: None)
