"""What can go wrong by the user's hand."""


class UserError(ValueError):
    """A mistake that the user can mend; the message is the one line they see.

        try:
            load_images("no such source")
        except UserError as error:
            print(error)

    A command prints it as `error: …` and ends with status 1, or 2 if it is a `UsageError`.
    """


class UsageError(UserError):
    """A command line that says too much or too little."""


def first_line(error):
    """What an exception says, or its type where it says nothing, as one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
