# For type checkers and editors: what __init__.py imports on first use.
from keras_pairs.config import TrainingConfig as TrainingConfig
from keras_pairs.data import load_images as load_images
from keras_pairs.data import sample_pairs as sample_pairs
from keras_pairs.data.images import Images as Images
from keras_pairs.errors import UserError as UserError
from keras_pairs.networks.build import build_model as build_model
from keras_pairs.serving.comparer import load as load
from keras_pairs.training.fit import fit as fit
from keras_pairs.training.loss_weights import loss_weights as loss_weights
from keras_pairs.training.run import load_run as load_run
from keras_pairs.training.run import train_run as train_run

__version__: str
