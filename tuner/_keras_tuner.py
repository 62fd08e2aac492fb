"""All that this package uses of keras-tuner's private names; it is pinned for them.

`tests/test_tuner_private_names.py` tries each, and that no other file has one.
"""

import pathlib

import keras_tuner
from keras_tuner.src import protos
from keras_tuner.src.distribute import oracle_chief, oracle_client

# Answers the workers' calls from an oracle; `stop_triggered` says whether a worker has been
# told that the search is over.
OracleServicer = oracle_chief.OracleServicer


class Oracle(keras_tuner.Oracle):
    """keras-tuner's oracle, and where it keeps its files."""

    def place(self, folder):
        """Makes `folder` the oracle's, as a tuner does with its own; makes no folder."""
        folder = pathlib.Path(folder)
        self._set_project_dir(str(folder.parent), folder.name)

    @property
    def folder(self):
        """Path of its folder."""
        return pathlib.Path(self._directory) / self._project_name

    @property
    def file(self):
        """Path of oracle.json."""
        return self.folder / "oracle.json"

    def count_crash(self, trial_id):
        """Counts a crash of a trial; how often it has crashed by now."""
        self._run_times[trial_id] += 1
        return self._run_times[trial_id]


class Tuner(keras_tuner.Tuner):
    """keras-tuner's tuner, which says what it is and makes no folder."""

    @property
    def project_dir(self):
        """str, the path of its folder; keras-tuner's makes the folder where it has gone."""
        return str(pathlib.Path(self.directory) / self.project_name)

    def is_worker(self):
        """Whether it asks a chief for its trials."""
        return self._is_worker()


def add_servicer(servicer, server):
    """Lets a `grpc.Server` answer the workers' calls with an `OracleServicer`."""
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)


def wait_for_chief(seconds):
    """Sets how long a worker waits for each answer: an hour, unless this is called."""
    oracle_client.TIMEOUT = seconds
