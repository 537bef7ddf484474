"""What the acts that a client can ask for have in common."""

from collections.abc import Awaitable, Callable

from autoresearch_tui.control import Request
from autoresearch_tui.errors import ControlError

Handler = Callable[[Request], Awaitable[object]]
"""Does one act; what it returns is the answer."""


def argument(request: Request, key: str) -> str:
    """A text that a request must have.

    Raises:
        ControlError: it has none of that name.
    """
    value = request.args.get(key)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{request.do}: `{key}` is missing")
    return value
