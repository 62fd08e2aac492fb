"""Serving an oracle to the workers of a distributed search."""

import time
from concurrent import futures

import grpc

from keras_pairs.errors import UserError
from tuner import _keras_tuner, processes, resources

POLL_S = 0.2
# A worker that trains calls every `oracle.HEARTBEAT_S`.
HEARD_S = 3.5
# How the chief answers a call when the search cannot go on; the details say why.
STOPS = grpc.StatusCode.ABORTED


def serve(oracle, between=lambda: None):
    """Answers workers at `processes.address()` until all know that it is over.

    keras-tuner's own `start_server` looks only every 20 seconds whether they do.

    Args:
      oracle: `oracle.GridOracle`.
      between: function without arguments, called every `POLL_S`.

    Raises:
      UserError: if the address cannot be used, or a worker cannot go on.
      OSError, MemoryError: what the oracle met in a call, or `between`.
    """
    address = processes.address()
    # By itself gRPC lets two chiefs share a port, and workers reach either of them.
    alone = [("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=alone)
    servicer = _Servicer(oracle)
    _keras_tuner.add_servicer(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise UserError(f"cannot serve at {address}") from error
    server.start()
    while not (servicer.failure or (servicer.stop_triggered and not oracle.tuner_ids)):
        time.sleep(POLL_S)
        try:
            between()
        except Exception as error:
            if resources.lacking(error) is None:
                raise
            servicer.failure = servicer.failure or error
    end = time.monotonic() + HEARD_S
    # Each worker should hear why, and not only that nobody answers.
    while servicer.failure and len(servicer.told) < len(oracle.tuner_ids):
        if time.monotonic() > end:
            break
        time.sleep(POLL_S)
    # Lets the last answer go out.
    server.stop(grace=1).wait()
    if servicer.failure:
        raise servicer.failure


class _Servicer(_keras_tuner.OracleServicer):
    """keras-tuner's, which also tells `serve` what ends the search.

    An error in a call would stay in its thread: the worker would hear of an unknown
    error, and the chief would wait for it for ever.
    """

    def __init__(self, oracle):
        super().__init__(oracle)
        self.failure, self.told = None, set()

    def CreateTrial(self, request, context):
        return self._answer(super().CreateTrial, request, context)

    def UpdateTrial(self, request, context):
        return self._answer(super().UpdateTrial, request, context)

    def EndTrial(self, request, context):
        return self._answer(super().EndTrial, request, context)

    def _answer(self, call, request, context):
        if self.failure is None:
            try:
                return call(request, context)
            except Exception as error:
                ends = isinstance(error, (UserError, OSError))
                if not ends and resources.lacking(error) is None:
                    raise
                self.failure = error
        self.told.add(context.peer())
        why = resources.lacking(self.failure) or str(self.failure)
        context.abort(STOPS, f"the chief stops: {why}")
