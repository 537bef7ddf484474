"""Python's garbage collector, kept from holding up the event loop."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

_MANY = 50_000


@contextmanager
def many_objects() -> Generator[None]:
    """For code that may make very many objects, which stay or go by their reference counts.

    The collector would look through all of them again and again, holding every thread for as long
    (0.1 s at 10,000 experiments). Where they were many it never looks at them again; not where they
    were few, or what is garbage by then would stay for ever, a little each time.
    """
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _MANY:
            gc.freeze()
        gc.enable()
