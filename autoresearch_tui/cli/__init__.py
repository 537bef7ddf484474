"""The command line: builds the others and nothing else."""

import contextlib
import io
import os
import sqlite3
import sys
from collections.abc import Generator

import click

from autoresearch_tui.cli import (
    acting,
    fleet,
    opening,
    outside,
    reading,
    replaying,
    researching,
    talking,
)
from autoresearch_tui.cli.group import cli
from autoresearch_tui.errors import AutoresearchError, innermost

__all__ = [
    "acting",
    "cli",
    "fleet",
    "main",
    "opening",
    "outside",
    "reading",
    "replaying",
    "researching",
    "talking",
]


@contextlib.contextmanager
def _one_line_errors() -> Generator[None]:
    try:
        yield
    except AutoresearchError as error:
        _fail(str(error))
    except BaseExceptionGroup as group:
        _fail(_said(innermost(group)))
    except (OSError, sqlite3.Error) as error:
        _fail(_said(error))


def _said(error: BaseException) -> str:
    if isinstance(error, AutoresearchError):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    if isinstance(error, sqlite3.Error):
        return f"the study's database: {error}; is the disk full?"
    return f"{type(error).__name__}: {error} (a defect; see .autoresearch/engine.log)"


def _fail(message: str) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(1)


def _printable() -> None:
    """What a terminal's encoding lacks is printed as an escape; it never ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line."""
    _printable()
    try:
        with _one_line_errors():
            cli.main(standalone_mode=True)
    except BrokenPipeError:
        os._exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
