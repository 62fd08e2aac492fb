"""The kit of Keras' own layers: a network of these opens wherever Keras does."""

import keras

# The paper's framework has these; Keras' own defaults are 0.99 and 1e-3. At five batches an
# epoch a momentum of 0.99 lags visibly behind.
MOMENTUM, EPSILON = 0.9, 1e-5


class StockKit:
    """Makes `keras.layers` and `keras.ops` on images [batch, height, width, channels]."""

    def pair(self):
        """The input, [batch, 2, 14, 14]."""
        return keras.Input((2, 14, 14), name="pair")

    def as_channels(self, pair):
        """The two images as channels: [batch, 14, 14, 2]."""
        return keras.layers.Permute((2, 3, 1), name="channels")(pair)

    def as_images(self, pair):
        """Each image by itself, a pair's two side by side: [2·batch, 14, 14, 1]."""
        return keras.ops.reshape(pair, (-1, 14, 14, 1))

    def conv(self, x, filters, padding, name):
        """A convolution 3×3."""
        # No bias: the batch normalisation behind it would take it out again.
        return keras.layers.Conv2D(filters, 3, padding=padding, use_bias=False, name=name)(
            x
        )

    def batch_norm(self, x, name):
        """Batch normalisation of each channel."""
        return keras.layers.BatchNormalization(
            momentum=MOMENTUM, epsilon=EPSILON, name=name
        )(x)

    def relu(self, x, name):
        """The larger of x and 0."""
        return keras.layers.ReLU(name=name)(x)

    def max_pool(self, x, name):
        """Max pooling of 2×2."""
        return keras.layers.MaxPooling2D(name=name)(x)

    def dropout(self, x, rate, name):
        """Dropout, in training."""
        return keras.layers.Dropout(rate, name=name)(x)

    def features(self, x):
        """[batch, height, width, channels] → [batch, features]."""
        return keras.layers.Flatten(name="features")(x)

    def dense(self, x, units, name):
        """A fully connected layer."""
        return keras.layers.Dense(units, name=name)(x)

    def of_both(self, x):
        """[2·batch, features] of single images → [batch, 2·features] of pairs."""
        return keras.ops.reshape(x, (-1, 2 * x.shape[-1]))

    def of_image(self, x, image):
        """[2·batch, n] of single images → [batch, n] of each pair's image 0 or 1."""
        return keras.ops.reshape(x, (-1, 2, x.shape[-1]))[:, image]

    def side_by_side(self, logits):
        """Logits [batch, units] of N networks → [batch, N, units]."""
        return keras.ops.stack(logits, axis=1)

    def probabilities(self, logits, output):
        """The output itself: sigmoid of one unit, softmax of several."""
        kind = "sigmoid" if output.binary else "softmax"
        return keras.layers.Activation(kind, name=output.name)(logits)
