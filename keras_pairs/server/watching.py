"""The versions of one model that a server knows, and which of them it serves.

As TF-Serving does by default: the highest number in the folder is served, and no other. A
new one is loaded beside the old one and answers its warm-up requests; then it takes over.
The old one is kept for the requests that it has begun. A version that cannot be loaded is
noted, and the one before stays. What changes in the folder of the served version is not
seen: publish it under a new number.
"""

import gc
import logging
import os
import pathlib

from keras_pairs import machine
from keras_pairs.errors import UserError
from keras_pairs.server.refusals import Refusal, quoted
from keras_pairs.serving import box, versions

log = logging.getLogger("keras_pairs.serve")


class Watched:
    """A model and its versions.

    Attributes:
      name: str, under which it is served: that of its folder.
      current: `Loaded`, the version that is served; None before `open`.
    """

    def __init__(self, path, load):
        """Finds a model; loads nothing yet.

        Args:
          path: str or Path of a folder of versions or of one version; None: the model in
            the box. Of a folder, versions that come later are served too.
          load: function of (Path, number) to what is served of a version; raises UserError.

        Raises:
          UserError: if there is nothing of the kind.
        """
        # Not `resolve`: a link has the name that its user gave it.
        path = pathlib.Path(os.path.abspath(box.path() if path is None else path))
        single = versions.find(path) == path
        numbered = versions.is_number(path.name)
        self.name = path.parent.name if single and numbered else path.name
        self.current = None
        self._path = path
        self._only = (int(path.name) if numbered else 1) if single else None
        self._load = load
        self._states = {}
        self._released = False
        # What the folder could not be read for.
        self._trouble = None
        # What lay in a version's folder when it could not be loaded.
        self._broken = {}

    def _found(self):
        """{number: Path}, ascending."""
        if self._only is not None:
            return {self._only: self._path}
        return {n: self._path / str(n) for n in versions.numbers(self._path)}

    def open(self):
        """Loads the newest version that can be loaded.

        Raises:
          UserError: if there is none.
        """
        for number, path in reversed(self._found().items()):
            if self._take(number, path):
                return
        reasons = [reason for _, reason in self._states.values()]
        raise UserError(reasons[0] if reasons else f"{self._path}: no version is left")

    def poll(self):
        """Looks at the folder once, and changes to its highest version."""
        try:
            found = self._found()
            self._trouble = None
        except OSError as error:
            trouble = f"{self._path}: {error.strerror or error}"
            if trouble != self._trouble:
                log.warning("%s; version %d stays", trouble, self.current.number)
            self._trouble = trouble
            return
        for number in self._states.keys() - found.keys() - {self.current.number}:
            self._states.pop(number)
            self._broken.pop(number, None)
        if self._released:
            # TensorFlow's graphs are full of cycles.
            self._released = False
            gc.collect()
        for number, path in reversed(found.items()):
            if number == self.current.number:
                return
            old = self.current.number
            tried = number in self._broken and self._broken[number] == _files(path)
            if not tried and self._take(number, path):
                log.info("version %d is served instead of version %d", number, old)
                self._states[old] = ("END", "")
                self._released = True
                return

    def _take(self, number, path):
        self._states[number] = ("LOADING", "")
        files = _files(path)
        try:
            loaded = self._load(path, number)
        except UserError as error:
            # TensorFlow tells a signal's end as a fault of the file.
            machine.end_if_asked()
            log.error("version %d cannot be served: %s", number, error)
            self._states[number] = ("END", str(error))
            self._broken[number] = files
            return False
        self.current = loaded
        self._states[number] = ("AVAILABLE", "")
        self._broken.pop(number, None)
        return True

    def watch(self, stop, seconds):
        """Polls until `stop`, a `threading.Event`, is set."""
        while not stop.wait(seconds):
            try:
                self.poll()
            except Exception:
                # A fault of ours in one look must not end all that come after.
                log.exception("looking for new versions")

    def version(self, address):
        """The `Loaded` that a `rest.Address` asks for.

        Raises:
          Refusal: 404 for another model, or a version that is not served; 400 for a label.
        """
        self._check_label(address)
        current, wanted = self.current, address.version
        if address.model == self.name and wanted in (None, current.number):
            return current
        name = quoted(address.model)
        wanted = f"Latest({name})" if wanted is None else f"Specific({name}, {wanted})"
        here = f"this server has Specific({self.name}, {current.number})"
        raise Refusal(404, f"Servable not found for request: {wanted}; {here}")

    def status(self, address):
        """The states of all versions, or of one, as TF-Serving's REST dialect tells them.

        Raises:
          Refusal: 404 for another model or an unknown version; 400 for a label.
        """
        self._check_label(address)
        name, wanted = quoted(address.model), address.version
        states = dict(self._states) if address.model == self.name else {}
        if wanted is not None and wanted not in states:
            raise Refusal(404, f"Could not find version {wanted} of model {name}")
        if not states:
            raise Refusal(404, f"Could not find any versions of model {name}")
        return {
            "model_version_status": [
                {
                    "version": str(number),
                    "state": state,
                    "status": {
                        "error_code": "UNKNOWN" if error else "OK",
                        "error_message": error,
                    },
                }
                for number, (state, error) in sorted(states.items(), reverse=True)
                if wanted in (None, number)
            ]
        }

    def _check_label(self, address):
        if address.label is not None:
            label = quoted(address.label)
            raise Refusal(400, f"Unrecognized servable version label: {label}")


def _files(folder):
    """What tells whether a folder has changed; None where it cannot be read."""
    try:
        stats = [(str(path), path.stat()) for path in sorted(folder.rglob("*"))]
    except OSError:
        return None
    return [(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]
