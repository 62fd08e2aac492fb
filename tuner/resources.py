"""What a machine may lack: a full disk, a lost folder, too little memory.

A trial that failed for want of it is no result: the search ends, its points stay free.
Importable without TensorFlow.
"""

from keras_pairs import machine
from keras_pairs.errors import first_line

GOES_ON = "the same command goes on where it was"


def lacking(error):
    """What `error`, or the error that it came from, says is lacking, as a sentence.

    Returns:
      str, which names the file where one is known; None if the error is about something
      else, for which the trial itself may be to blame.
    """
    while error is not None:
        # That nobody reads our output is no matter of resources.
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror or first_line(error)}"
        if machine.out_of_memory(error):
            return f"not enough memory ({first_line(error)})"
        if lacks := machine.lacking(error):
            return lacks
        error = error.__cause__
    return None
