"""What a machine may lack: a full disk, a lost folder, too little memory.

A trial that failed for want of it is no result: the search ends, its points stay free.
Importable without TensorFlow.
"""

from keras_pairs import machine

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
            return f"{where}{error.strerror or _first_line(error)}"
        if machine.out_of_memory(error):
            return f"not enough memory ({_first_line(error) or type(error).__name__})"
        error = error.__cause__
    return None


def _first_line(error):
    return str(error).strip().partition("\n")[0]
