"""The paper's network, trained with nothing but Keras: on TensorFlow, torch or JAX.

python docs/examples/plain_keras.py
KERAS_BACKEND=torch python docs/examples/plain_keras.py
"""

import sys

import keras

import keras_pairs


def main(epochs=20):
    """Trains on the digits inside scikit-learn, and prints the test accuracy."""
    config = keras_pairs.TrainingConfig.from_preset(nb_f=16)
    splits = keras_pairs.sample_pairs(keras_pairs.load_images("digits"))
    train, validation, test = splits.train, splits.validation, splits.test
    model = keras_pairs.build_model(config)
    loss = dict.fromkeys(model.output, "sparse_categorical_crossentropy")
    model.compile(
        keras.optimizers.Adam(config.lr, epsilon=1e-8),
        loss=loss | {"comparison": "binary_crossentropy"},
        loss_weights=keras_pairs.loss_weights(config.w_m, config.w_a),
        metrics={name: ["accuracy"] for name in model.output},
    )
    model.fit(
        train.images,
        train.targets,
        batch_size=config.batch_size,
        epochs=epochs,
        validation_data=(validation.images, validation.targets),
        verbose=2,
    )
    found = model.evaluate(test.images, test.targets, return_dict=True, verbose=0)
    print(f"{keras.backend.backend()}: {found['comparison_accuracy']:.1%} of test pairs")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
