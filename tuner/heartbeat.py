"""A worker's signs of life to the chief while it trains."""

import threading

import grpc
import keras

from tuner import oracle as oracles


class ChiefLostError(Exception):
    """Ends a training whose result nobody would take."""


class Heart(keras.callbacks.Callback):
    """Tells the oracle every few seconds that a population is alive.

    Attributes:
      lost: the `grpc.RpcError` that the chief answered with, or None.
    """

    def __init__(self, oracle, trial_id):
        super().__init__()
        self.oracle, self.trial_id = oracle, trial_id
        self.epochs, self.lost, self.stop = 0, None, threading.Event()

    def beat(self):
        """Goes on until `stop` is set or the chief does not answer."""
        while not self.stop.wait(oracles.HEARTBEAT_S):
            try:
                self.oracle.update_trial(
                    self.trial_id, {oracles.HEARTBEAT: float(self.epochs)}
                )
            except grpc.RpcError as error:
                self.lost = error
                return

    def on_epoch_end(self, epoch, logs=None):
        # Not `epoch`, which counts the teachers' training by itself.
        self.epochs += 1
        if self.lost:
            raise ChiefLostError
