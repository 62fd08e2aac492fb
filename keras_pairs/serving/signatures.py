"""What a published model answers to: four signatures around its frozen networks."""

import functools

import tensorflow as tf

from keras_pairs.data import pixels
from keras_pairs.errors import UserError, first_line
from keras_pairs.graph import freeze, require
from keras_pairs.outputs import OUTPUTS
from keras_pairs.pictures import drawing

# Signature → its one input. A server's row and column requests use these names.
INPUTS = {
    "serving_default": tf.TensorSpec([None, 2, 14, 14], tf.float32, "pair"),
    "images": tf.TensorSpec([None, 2, 28, 28], tf.uint8, "images"),
    "png": tf.TensorSpec([None, 2], tf.string, "png_bytes"),
    "prepare": tf.TensorSpec([None], tf.string, "png_bytes"),
}


def save(model, path):
    """Saves a network with its signatures as a SavedModel.

    The network's weights become constants: the graph then has no variables to read and no
    training-only operations, and TensorFlow folds batch normalisation into the
    convolutions when it loads.

    Each signature is a function of the one tensor that `INPUTS` names. Those of pairs give
    `comparison` float32 [batch, 1], `first_digit` and `second_digit` float32 [batch, 10].
    `prepare` gives what the signature `png` makes of single pictures before the network
    sees them, see `drawing.look`: `image` uint8 [batch, 28, 28], which is what `images`
    takes, `count` int32 [batch], `ink` uint8 [batch, 64, 64] of 0…255, `window` float32
    [batch, 4] and `boxes` float32 [batch, 9, 4]. It refuses no picture for the number of
    its digits.

    A signature raises `tf.errors.InvalidArgumentError` where the shape is another, the
    batch is empty, a pixel is not within 0…255, all pixels of the batch are scaled to 0…1
    (see `pixels.are_scaled`), or `drawing` does.

    Args:
      model: Keras model from `pair`, float32 [batch, 2, 14, 14] of 0…255, to the dict of
        `build_model`; nothing else is asked of it.
      path: folder to write.

    Raises:
      UserError: if the model is not such a network, or its graph has operations that a
        server may lack.
      OSError, tf.errors.OpError: if the folder cannot be written.
    """
    network, names = _freeze(model)

    def answer(pair):
        return dict(zip(names, network(pair), strict=True))

    def serving_default(pair):
        pair = _batch("serving_default", pair)
        right = tf.reduce_all((pair >= 0) & (pair <= 255))
        pair = require(right, "pair: pixels must be 0 to 255", pair)
        return answer(_unscaled("pair", pair))

    def images(images):
        images = tf.cast(_batch("images", images), tf.float32)
        return answer(_pool(_unscaled("images", images)))

    def png(png_bytes):
        seen = _looking()(tf.reshape(_batch("png", png_bytes), [-1]))
        # As `images` takes what `prepare` gives: both ways give the same answer.
        digits = tf.round(drawing.only_digits(seen))
        return answer(_pool(tf.reshape(digits, [-1, 2, drawing.SIDE, drawing.SIDE])))

    def prepare(png_bytes):
        seen = _looking()(_batch("prepare", png_bytes))
        image, ink = tf.round(seen["image"]), tf.round(seen["ink"] * 255)
        return seen | {"image": tf.cast(image, tf.uint8), "ink": tf.cast(ink, tf.uint8)}

    functions = (serving_default, images, png, prepare)
    module = tf.Module()
    module.functions = {
        name: tf.function(function, [INPUTS[name]], autograph=False)
        for name, function in zip(INPUTS, functions, strict=True)
    }
    tf.saved_model.save(module, str(path), signatures=module.functions)


def _batch(signature, value):
    """`value`, with the shape that `INPUTS` names and at least one pair."""
    spec = INPUTS[signature]
    value = tf.ensure_shape(value, spec.shape)
    return require(tf.shape(value)[0] > 0, f"{spec.name}: an empty batch", value)


@functools.cache
def _looking():
    """`drawing.look` at files [n], one at a time: each may be large.

    It is most of what is saved. Traced once, it stands in the SavedModel once, for both
    signatures of pictures.
    """
    kinds = dict.fromkeys(drawing.SHAPES, tf.float32) | {"count": tf.int32}

    def look(png_bytes):
        return tf.map_fn(
            drawing.look, png_bytes, fn_output_signature=kinds, parallel_iterations=1
        )

    return tf.function(look, [INPUTS["prepare"]], autograph=False)


def _unscaled(name, value):
    scaled = pixels.are_scaled(tf.reduce_max(value))
    return require(~scaled, f"{name}: {pixels.SCALED}", value)


def _pool(images):
    """`data.pool` in the graph: float32 [batch, 2, 28, 28] → [batch, 2, 14, 14]."""
    return tf.reduce_mean(tf.reshape(images, [-1, 2, 14, 2, 14, 2]), [3, 5])


def _freeze(model):
    """(the network as a function without variables to its outputs, their names)."""

    def call(pair):
        return model(pair, training=False)

    try:
        network, answers = freeze(call, INPUTS["serving_default"])
        shapes = {name: x.shape.as_list() for name, x in answers.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"not a model of pairs of digits: {first_line(error)}") from error
    units = {output.name: output.units for output in OUTPUTS}
    # A model may be older than today's rows, and have fewer or others.
    right = all(
        len(shape) == 2 and shape[1] == units.get(name, shape[1])
        for name, shape in shapes.items()
    )
    if not right or OUTPUTS[0].name not in shapes:
        raise UserError(f"not a model of pairs of digits: answers {shapes}")
    check_graph(network.graph)
    return network, sorted(shapes)


def check_graph(graph):
    """Refuses what a server without XLA or oneDNN cannot run, and training-only ops.

    Args:
      graph: graph of the frozen network, in which functions are inlined.

    Raises:
      UserError: naming the operation.
    """
    for op in graph.get_operations():
        if "Xla" in op.type or op.node_def.attr["_XlaMustCompile"].b:
            raise UserError(f"{op.name} needs XLA, which a server has not")
        if "Random" in op.type or "Assign" in op.type:
            raise UserError(f"{op.name} ({op.type}) belongs to training")
        if op.type == "Conv2D" and op.inputs[0].shape[-1] != op.inputs[1].shape[2]:
            raise UserError(f"{op.name} is a grouped convolution, which needs oneDNN")
