"""Serving an oracle to the workers of a distributed search."""

import os
import time
from concurrent import futures

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute import oracle_chief

from keras_pairs.config import UserError

POLL_S = 0.2


def serve(oracle):
    """Answers workers at KERASTUNER_ORACLE_IP and _PORT until all know that it is over.

    keras-tuner's own `start_server` looks only every 20 seconds whether they do.

    Args:
      oracle: `oracle.GridOracle`.

    Raises:
      UserError: if the address cannot be used.
    """
    address = ":".join(os.environ[f"KERASTUNER_ORACLE_{x}"] for x in ("IP", "PORT"))
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    servicer = oracle_chief.OracleServicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise UserError(f"cannot serve at {address}") from error
    server.start()
    while not (servicer.stop_triggered and not oracle.tuner_ids):
        time.sleep(POLL_S)
    # Lets the last answer go out.
    server.stop(grace=1).wait()
