"""Versions of the database: `migrations/` holds one SQL file each, a list that only grows."""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, cast

from autoresearch_tui.errors import StudyError
from autoresearch_tui.store.curves import PackCurve


def _scripts() -> Sequence[str]:
    """The migrations in their order: the first one makes version 1."""
    folder = files("autoresearch_tui.store").joinpath("migrations")
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [file.read_text(encoding="utf-8") for file in found]


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations a database has had."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    # The first studies were counted in a table of sqlite-utils 4, which never got further than 1.
    counted = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlite_migrations'"
    return version or int(connection.execute(counted).fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to this program's version, all at once.

    Raises:
        StudyError: a newer program has changed it.
    """
    scripts = _scripts()
    done = version_of(connection)
    _check_not_newer(done, len(scripts))
    if done < len(scripts):
        steps = "\n".join(scripts[done:])
        # Its stub knows aggregates of whole numbers alone.
        connection.create_aggregate("pack_curve", 3, cast(Any, PackCurve))
        connection.executescript(f"BEGIN; {steps} PRAGMA user_version = {len(scripts)}; COMMIT;")


def check_current(connection: sqlite3.Connection) -> None:
    """Raise `StudyError` unless the tables are just those that this program knows."""
    done, known = version_of(connection), len(_scripts())
    _check_not_newer(done, known)
    if done == 0:
        raise StudyError("the study has not been started yet: no engine ever ran here")
    if done < known:
        raise StudyError("the study is of an older version: start its engine once to update it")


def _check_not_newer(done: int, known: int) -> None:
    if done > known:
        raise StudyError("the study is of a newer version: update autoresearch-tui")


def connect(path: str, *, readonly: bool) -> sqlite3.Connection:
    """Open the SQLite file; `readonly` connections can neither write nor checkpoint.

    Each statement is a transaction of its own unless one is begun.
    """
    mode = "ro" if readonly else "rwc"
    connection = sqlite3.connect(
        f"file:{_uri_path(path)}?mode={mode}",
        uri=True,
        check_same_thread=False,
        timeout=10.0,
        isolation_level=None,
    )
    connection.execute("PRAGMA busy_timeout = 10000")
    return connection


def _uri_path(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
