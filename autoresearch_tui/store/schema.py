"""Tables of the database, as a list of migrations that only grows."""

# sqlite-utils annotates its containers only in part.
# pyright: reportUnknownMemberType=false

import sqlite3

from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table

from autoresearch_tui.errors import StudyError

migrations = Migrations("autoresearch-tui")

_EXPERIMENT: dict[str, type] = {
    "id": str,
    "number": int,
    "wave": int,
    "status": str,
    "title": str,
    "hypothesis": str,
    "origin": str,
    "created_at": float,
    "edits": str,
    "parent": str,
    "expected": str,
    "priority": int,
    "commit": str,
    "digest": str,
    "constants": str,
    "lines_added": int,
    "lines_removed": int,
    "runs_wanted": int,
    "approve_at": float,
    "verdict": str,
    "certified": int,
    "value": float,
    "gain": float,
    "accelerator": str,
    "why": str,
    "judged_at": float,
    "is_best": int,
    "rev": int,
}

_RUN: dict[str, type] = {
    "id": str,
    "experiment": str,
    "ordinal": int,
    "status": str,
    "seed": int,
    "created_at": float,
    "cluster": str,
    "accelerator": str,
    "submitted_at": float,
    "started_at": float,
    "ended_at": float,
    "exit_code": int,
    "value": float,
    "metrics": str,
    "why": str,
    "rev": int,
}

_STUDY: dict[str, type] = {
    "id": int,
    "tag": str,
    "repository": str,
    "base_commit": str,
    "metric": str,
    "minimize": int,
    "status": str,
    "approval": str,
    "created_at": float,
    "started_at": float,
    "ended_at": float,
    "end_reason": str,
    "researcher": str,
    "researcher_state": str,
    "max_experiments": int,
    "deadline": float,
    "budget_usd": float,
    "spent_usd": float,
    "noise_sd": float,
    "engine_pid": int,
    "heartbeat_at": float,
    "rev": int,
}

_CLUSTER: dict[str, type] = {
    "name": str,
    "backend": str,
    "accelerator": str,
    "status": str,
    "created_at": float,
    "note": str,
    "price": float,
    "up_at": float,
    "updated_at": float,
}

_PROGRESS: dict[str, type] = {
    "run": str,
    "fraction": float,
    "step": int,
    "loss": float,
    "remaining": float,
    "line": str,
    "updated_at": float,
}


def table(db: Database, name: str) -> Table:
    """The table `name`, never a view."""
    found = db[name]
    assert isinstance(found, Table)
    return found


@migrations(name="0001_first")
def first(db: Database) -> None:
    """The first version."""
    table(db, "study").create(_STUDY, pk="id")
    experiments = table(db, "experiments").create(_EXPERIMENT, pk="id")
    experiments.create_index(["number"], unique=True)
    experiments.create_index(["status"])
    experiments.create_index(["rev"])
    experiments.create_index(["digest"])
    runs = table(db, "runs").create(
        _RUN, pk="id", foreign_keys=[("experiment", "experiments", "id")]
    )
    runs.create_index(["experiment"])
    runs.create_index(["status"])
    runs.create_index(["cluster", "started_at"])
    runs.create_index(["rev"])
    table(db, "clusters").create(_CLUSTER, pk="name")
    table(db, "progress").create(_PROGRESS, pk="run")
    table(db, "curve").create(
        {"run": str, "step": int, "fraction": float, "loss": float}, pk=("run", "step")
    )
    table(db, "thoughts").create(
        {"seq": int, "turn": int, "time": float, "researcher": str, "kind": str, "text": str},
        pk="seq",
    ).create_index(["turn"])
    table(db, "events").create(
        {
            "seq": int,
            "time": float,
            "kind": str,
            "actor": str,
            "subject": str,
            "text": str,
            "data": str,
        },
        pk="seq",
    )


_KNOWN = frozenset({"0001_first"})


def check_not_newer(db: Database) -> None:
    """Raise `StudyError` when a newer program has changed the tables."""
    if {migration.name for migration in migrations.applied(db)} - _KNOWN:
        raise StudyError("the study is of a newer version: update autoresearch-tui")


def check_current(db: Database) -> None:
    """Raise `StudyError` unless the tables are just those that this program knows."""
    check_not_newer(db)
    if migrations.pending(db):
        raise StudyError("the study is of an older version: start its engine once to update it")


def connect(path: str, *, readonly: bool) -> Database:
    """Open the SQLite file; `readonly` connections can neither write nor checkpoint."""
    mode = "ro" if readonly else "rwc"
    connection = sqlite3.connect(
        f"file:{_uri_path(path)}?mode={mode}", uri=True, check_same_thread=False, timeout=10.0
    )
    connection.execute("PRAGMA busy_timeout = 10000")
    return Database(connection, recursive_triggers=False, execute_plugins=False)


def _uri_path(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
