"""What can go wrong by the user's hand."""


class UserError(ValueError):
    """A mistake that the user can mend; the message is the one line they see."""


class UsageError(UserError):
    """A command line that says too much or too little."""
