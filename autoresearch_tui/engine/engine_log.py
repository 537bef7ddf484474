"""What the engine says of itself: `engine.log`, rotated."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_SIZE, _KEPT = 2_000_000, 3


@contextmanager
def log_to(path: Path) -> Generator[None]:
    """Write the project's log to a file as long as the context lasts."""
    handler = RotatingFileHandler(path, maxBytes=_SIZE, backupCount=_KEPT, encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FORMAT))
    # What asyncio says of a task that nobody awaited is a defect of ours.
    loggers = [logging.getLogger(name) for name in ("autoresearch_tui", "asyncio", "py.warnings")]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()
