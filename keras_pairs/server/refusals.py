"""What a server does not do for a request, and what it says instead."""


class Refusal(Exception):
    """A request that gets an error for an answer: `{"error": message}`.

    Attributes:
      status: int, of HTTP.
      message: str, a sentence for whoever asked.
      headers: dict, of the answer.
    """

    def __init__(self, status, message, **headers):
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


def quoted(value, most=100):
    """`value` as it stands in a message: of what a client sends, only the start."""
    text = str(value)
    text = text if len(text) <= most else f"{text[:most]}…"
    return text.encode("unicode_escape" if not text.isprintable() else "utf-8").decode()
