"""Python's garbage collector, kept from holding up the event loop."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def many_objects() -> Generator[None]:
    """For code that makes very many objects, which stay or go by their reference counts.

    The collector would look through all of them again and again, holding every thread for as long
    (0.1 s at 10,000 experiments). What is there at the end it never looks at again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
