"""The study's database: the only room that knows SQL."""

from autoresearch_tui.store.reader import Reader, open_reader
from autoresearch_tui.store.writer import Writer, open_writer

__all__ = ["Reader", "Writer", "open_reader", "open_writer"]
