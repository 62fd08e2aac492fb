"""What can go wrong by the user's hand."""


class UserError(ValueError):
    """A mistake that the user can mend; the message is the one line they see."""


class UsageError(UserError):
    """A command line that says too much or too little."""


def first_line(error):
    """What an exception says, or its type where it says nothing, as one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
