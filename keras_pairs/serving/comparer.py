"""Comparing pairs of digits with a published model, from Python.

    from keras_pairs.serving import comparer

    model = comparer.load()  # the model in the box; or comparer.load(folder)
    model.compare("three.png", "seven.png").comparison

Every answer comes from the SavedModel's own signatures, so that a picture is prepared by
the same operations here and in a server.
"""

import functools
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_pairs import graph
from keras_pairs.data.pixels import SCALED, are_scaled
from keras_pairs.errors import UserError
from keras_pairs.pictures import image_files
from keras_pairs.pictures.seen import Seen, crop
from keras_pairs.serving import box, card, given, versions
from keras_pairs.serving.comparison import Comparison


def load(path: str | os.PathLike | None = None) -> "Comparer":
    """Loads a published model.

        model = load()    # the model in the box; or load("saved_models/mnist-paper")
        answer = model.compare("three.png", "seven.jpg")
        answer.digits.tolist()    # [[3, 7]]

    Args:
      path: str or Path of a folder of versions, of which the newest is taken, or of one
        version. None: the model in the box, whatever the current folder holds.

    Returns:
      `Comparer`.

    Raises:
      UserError: if there is no SavedModel, or not one that `train` or `export` wrote.
    """
    return Comparer(box.path() if path is None else versions.find(path))


class Comparer:
    """A loaded version.

    Attributes:
      path: Path of its folder.
      in_box: bool, whether it is the model in the box.
      name: str, its path as it was given; of the model in the box
        "digit_pairs/2".
      card: dict of its model card, or None.
      data: str, name of the data that it was trained on, or None where it does not say.
      reads_digits: whether it answers the digits and was trained on them; if not, they mean
        nothing.
    """

    def __init__(self, path):
        self.path = path
        self.in_box = _is_box(path)
        self.name = box.VERSION if self.in_box else str(path)
        self.card = card.read(path)
        self.data = card.data_name(self.card or {})
        self._model = graph.load(path)
        try:
            self._functions = {
                name: self._model.signatures[name] for name in ("serving_default", "images")
            }
            # Versions published before there was one compare arrays only.
            self._looks = self._model.signatures.get("prepare")
            # Its own: later versions of this code may give their models others.
            self._outputs = {
                name: spec.shape[1:].as_list()
                for name, spec in self._functions["images"].structured_outputs.items()
            }
        except KeyError as error:
            raise UserError(f"{path}: has no signature {error}") from error
        except Exception as error:
            raise UserError(f"{path}: not a SavedModel that can be read") from error
        if "comparison" not in self._outputs:
            raise UserError(f"{path}: has no output comparison")
        self.reads_digits = card.reads_digits(self.card or {}, self._outputs)

    @functools.cached_property
    def keras_model(self):
        """The network in plain Keras, not compiled: for `summary()`, `fit`, `export`.

            model = load("saved_models/mnist-paper")
            model.keras_model.summary()

        Raises:
          UserError: if the version has no model.keras, as those of older keras_pairs.
        """
        # Keras takes a second, and whoever only asks does without it.
        from keras_pairs.serving import keras_file

        return keras_file.load(self.path / keras_file.NAME)

    def __str__(self):
        """Which model this is, and what it was trained on."""
        name = f"the model in the box: {self.name}" if self.in_box else self.name
        return f"{name}, trained on {self.data or 'unrecorded data'}"

    def compare(self, first: Sequence, second: Sequence) -> Comparison:
        """Compares n pairs, or one.

        Args:
          first, second: both images or both files, n each or one each. Images: uint8
            [n, 28, 28] as MNIST's, or numbers [n, 14, 14] of 0…255; 0 = background; one
            image may go without its first axis. Arrays are not searched for a digit:
            a blank one is answered, too. Files: paths (str or Path) of pictures, or
            `bytes` of PNG; those without a digit are refused.

        Returns:
          `Comparison` of n pairs, without errors.

        Raises:
          UserError: if the two do not go together, all pixels are scaled to 0…1, or naming
            the first image that cannot be compared.
        """
        if given.is_file(first) != given.is_file(second):
            raise UserError("one is a file and the other is not: give two of the same kind")
        first, second = given.several(first), given.several(second)
        try:
            counts = len(first), len(second)
            files_given = all(given.is_file(image) for image in (*first, *second))
        except TypeError as error:
            raise UserError(
                "what is compared must be arrays, paths, bytes of PNG files, or sequences "
                f"of these, not {type(first).__name__}"
            ) from error
        if counts[0] != counts[1]:
            raise UserError(f"{counts[0]} first images but {counts[1]} second ones")
        if not counts[0]:
            raise UserError("no pairs to compare")
        if files_given:
            answers = self.compare_files(list(zip(first, second, strict=True)))
            for error in answers.errors.values():
                raise UserError(error)
            return answers
        return self._compare_arrays(given.as_images(first), given.as_images(second))

    def _compare_arrays(self, first, second):
        if first.shape != second.shape or first.dtype != second.dtype:
            raise UserError(
                f"first images are {first.dtype} {list(first.shape)}, second ones "
                f"{second.dtype} {list(second.shape)}"
            )
        pairs = np.stack([first, second], 1)
        # The graphs of older models do not refuse them.
        if are_scaled(pairs.max()):
            raise UserError(SCALED)
        signature = "images" if pairs.dtype == np.uint8 else "serving_default"
        try:
            answers = [self._answer(signature, part) for part in given.batches(pairs)]
        except tf.errors.InvalidArgumentError as error:
            raise UserError(graph.reason(error)) from error
        return self._comparison(
            {name: np.concatenate([a[name] for a in answers]) for name in self._outputs}
        )

    def compare_files(self, pairs: Sequence[tuple], names=None) -> Comparison:
        """Compares pairs of image files; one that cannot be compared stops no other.

        Args:
          pairs: list of n (first, second), each a path or `bytes` of PNG.
          names: list of n (first, second), str each, for errors; None: the paths.

        Returns:
          `Comparison` of n pairs; its `errors` name what was wrong with which.
        """
        errors = {}
        answers = {
            name: np.full((len(pairs), *shape), np.nan, "float32")
            for name, shape in self._outputs.items()
        }
        for start in range(0, len(pairs), given.BATCH):
            good, images = [], []
            for i, pair in enumerate(pairs[start : start + given.BATCH], start):
                try:
                    called = names[i] if names else map(given.name, pair)
                    parts = zip(pair, called, strict=True)
                    images.append([self._prepared(*part) for part in parts])
                    good.append(i)
                except UserError as error:
                    errors[i] = str(error)
            if good:
                found = self._answer("images", np.array(images))
                for name, array in answers.items():
                    array[good] = found[name]
        return self._comparison(answers, errors)

    def look(self, image, name=None) -> Seen:
        """What the model makes of one picture, before its network sees it.

        Args:
          image: path, or `bytes` of PNG.
          name: str for errors, or None for the path.

        Returns:
          `Seen`, of however many digits.

        Raises:
          UserError: naming the picture, if it cannot be read; or the version, if it has no
            signature `prepare`.
        """
        if self._looks is None:
            raise UserError(
                f"{self.path}: published before pictures were searched for digits; export "
                "the model again"
            )
        content = image if isinstance(image, bytes) else image_files.read_png(image)
        try:
            seen = self._looks(png_bytes=tf.constant([content]))
        except tf.errors.InvalidArgumentError as error:
            raise UserError(
                f"{name or given.name(image)}: {graph.reason(error)}"
            ) from error
        seen = {name: value[0].numpy() for name, value in seen.items()}
        return Seen(**seen | {"count": int(seen["count"])})

    def split(self, image) -> list:
        """Cuts a picture of two digits in two, the left or the upper one first.

        Args:
          image: path, or `bytes` of PNG.

        Returns:
          list of two `bytes` of PNG, as `compare` takes them.

        Raises:
          UserError: naming the picture, if it cannot be read or shows not exactly two.
        """
        content = image if isinstance(image, bytes) else image_files.read_png(image)
        parts = self.look(content, given.name(image)).halves(given.name(image))
        return [crop(content, part, given.name(image)) for part in parts]

    def _prepared(self, image, name):
        """A picture of one digit in MNIST's form, uint8 [28, 28]."""
        seen = self.look(image, name)
        seen.check(name)
        return seen.image

    def _answer(self, signature, pairs):
        function = self._functions[signature]
        (name,) = function.structured_input_signature[1]
        answers = function(**{name: tf.constant(pairs)})
        return {name: answers[name].numpy() for name in self._outputs}

    def _comparison(self, answers, errors=()):
        probability = answers["comparison"][:, 0]
        answers = answers | {"comparison": probability}
        return Comparison(answers, dict(errors), self.reads_digits)


def _is_box(path):
    try:
        return os.path.samefile(path, box.path())
    except (OSError, UserError):
        return False
