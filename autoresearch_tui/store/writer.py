"""Writes the database; one writer a study, the engine."""

# sqlite-utils annotates its containers only in part, and its versions not the same.
# pyright: reportUnknownMemberType=false, reportUnnecessaryCast=false

import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from autoresearch_tui.domain import (
    Cluster,
    CurvePoint,
    Experiment,
    Judgement,
    Progress,
    Reading,
    Run,
    RunStatus,
    Study,
    Turn,
)
from autoresearch_tui.errors import StudyError
from autoresearch_tui.store import codec
from autoresearch_tui.store.curves import pack
from autoresearch_tui.store.reader import Reader
from autoresearch_tui.store.schema import connect, migrate

if TYPE_CHECKING:
    from sqlite_utils import Database

    from autoresearch_tui.lifecycle import Draft

T = TypeVar("T")

_OUTER = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))
"""How a transaction begins, ends and is undone: on its own, or within another."""


class Writer(Reader):
    """Changes the study. Each method is one transaction; `transaction` joins several.

    What a status becomes is decided elsewhere. `clock` gives Unix seconds.
    """

    def __init__(self, db: "Database", clock: Callable[[], float] = time.time) -> None:
        self._db = db
        super().__init__(cast(sqlite3.Connection, db.conn))
        self.clock = clock
        self._rev = self.revision()

    def _execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return cast(sqlite3.Cursor, self._db.execute(sql, values))

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Everything written inside is committed together, or not at all."""
        begin, commit, undo = _OUTER if not self._connection.in_transaction else _INNER
        self._execute(begin)
        try:
            yield
            self._execute(commit)
        except BaseException:
            # A full disk has undone it all already.
            for statement in undo if self._connection.in_transaction else ():
                self._execute(statement)
            raise

    def _insert(self, table: str, row: Mapping[str, object], verb: str = "INSERT") -> None:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        self._execute(f"{verb} INTO {table} ({names}) VALUES ({marks})", list(row.values()))

    def _set(self, table: str, key: str, pk: object, row: Mapping[str, object]) -> None:
        names = ", ".join(f'"{name}" = ?' for name in row)
        self._execute(f"UPDATE {table} SET {names} WHERE {key} = ?", [*row.values(), pk])

    def _next_rev(self) -> int:
        self._rev += 1
        self._execute("UPDATE study SET rev = ?", (self._rev,))
        return self._rev

    def record(
        self,
        kind: str,
        text: str,
        *,
        actor: str = "engine",
        subject: str = "",
        data: Mapping[str, object] | None = None,
    ) -> None:
        """Append an entry to the study's record."""
        row = {
            "time": self.clock(),
            "kind": kind,
            "actor": actor,
            "subject": subject,
            "text": text,
            "data": data or {},
        }
        self._insert("events", codec.values_to_row(row))

    def create_study(self, study: Study) -> None:
        """Write the study's only row."""
        with self.transaction():
            self._insert("study", codec.to_row(study) | {"id": 1, "rev": 0})
            self.record("study", f"study {study.tag} created", subject=study.tag)

    def change_study(self, **changes: object) -> None:
        """Set columns of the study."""
        with self.transaction():
            row = codec.values_to_row(changes) | {"rev": self._next_rev()}
            self._set("study", "id", 1, row)

    def apply(self, draft: "Draft") -> None:
        """Write all that a draft changes, its instructions and its entries of the record."""
        with self.transaction():
            for experiment in _present(draft.experiments.changed):
                self.put_experiment(experiment)
            for runs in _present(draft.runs.changed):
                before = draft.runs_before(runs[0].experiment)
                for run in runs:
                    if run not in before:
                        self.put_run(run)
            for judgement in _present(draft.judgements.changed):
                self.put_judgement(judgement)
            for cluster in _present(draft.clusters.changed):
                self.put_cluster(cluster)
            for turn in _present(draft.turns.changed):
                self.put_turn(turn)
            for key, order in draft.outbox.changed.items():
                if order is None:
                    self._execute("DELETE FROM outbox WHERE key = ?", [key])
                else:
                    self._put("outbox", "key", codec.to_row(order) | {"key": key})
            if changes := draft.study_changes():
                self.change_study(**changes)
            for entry in draft.records:
                self.record(entry.kind, entry.text, actor=entry.actor, subject=entry.subject)

    def _put(self, table: str, key: str, row: Mapping[str, object]) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in row)
        insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        self._execute(f"{insert} ON CONFLICT ({key}) DO UPDATE SET {sets}", list(row.values()))

    def next_number(self) -> int:
        """The number of the next experiment; the first is 1."""
        row = self._execute("SELECT coalesce(max(number), 0) + 1 FROM experiments").fetchone()
        return row[0]

    def next_wave(self) -> int:
        """The number of the next wave; the first is 1."""
        row = self._execute("SELECT coalesce(max(wave), 0) + 1 FROM experiments").fetchone()
        return row[0]

    def next_turn(self) -> int:
        """The number of the next turn of a researcher; the first is 1."""
        row = self._execute("SELECT coalesce(max(id), 0) + 1 FROM turns").fetchone()
        return row[0]

    def put_experiment(self, experiment: Experiment) -> None:
        """Add an experiment, or replace what is known of it."""
        self._put("experiments", "id", codec.to_row(experiment) | {"rev": self._next_rev()})

    def put_run(self, run: Run) -> None:
        """Add a run, or replace what is known of it; only one that is on a cluster is read."""
        self._put("runs", "id", codec.to_row(run) | {"rev": self._next_rev()})
        if run.status.is_final or run.status is RunStatus.PENDING:
            for table in ("progress", "readings"):
                self._execute(f"DELETE FROM {table} WHERE run = ?", [run.id])

    def put_judgement(self, judgement: Judgement) -> None:
        """Add a verdict, or replace what is known of it."""
        row = codec.to_row(judgement) | {"rev": self._next_rev()}
        self._put("judgements", "experiment, accelerator", row)

    def put_cluster(self, cluster: Cluster) -> None:
        """Add a cluster, or replace what is known of it."""
        self._insert("clusters", codec.to_row(cluster), "REPLACE")

    def put_telemetry(self, found: Mapping[str, str]) -> None:
        """Set what the accelerators of clusters say of themselves; empty texts say nothing."""
        with self.transaction():
            self._execute("DELETE FROM telemetry")
            for cluster, text in found.items():
                if text:
                    row = {"cluster": cluster, "text": text, "time": self.clock()}
                    self._insert("telemetry", row, "REPLACE")

    def put_turn(self, turn: Turn) -> None:
        """Add a turn, or replace what is known of it."""
        self._put("turns", "id", codec.to_row(turn))

    def put_read(
        self,
        progress: Sequence[Progress],
        curves: Mapping[str, Sequence[CurvePoint]],
        readings: Sequence[Reading],
    ) -> None:
        """Set what has been read of outputs: progress, whole curves by run, and how far it is."""
        with self.transaction():
            for each in progress:
                self._insert("progress", codec.to_row(each), "REPLACE")
            for run, points in curves.items():
                self._insert("curves", {"run": run, "points": pack(points)}, "REPLACE")
            for each in readings:
                self._insert("readings", codec.to_row(each), "REPLACE")

    def add_note(self, actor: str, text: str) -> int:
        """Add a version of the notepad; its number."""
        row = {"time": self.clock(), "actor": actor, "text": text}
        self._insert("notepad", row)
        return self.notepad().version

    def add_thought(self, turn: int, researcher: str, kind: str, text: str) -> None:
        """Append a piece of reasoning to a turn."""
        row = {
            "turn": turn,
            "time": self.clock(),
            "researcher": researcher,
            "kind": kind,
            "text": text,
        }
        self._insert("thoughts", row)


def _present(changed: Mapping[Any, T | None]) -> list[T]:
    """What has been added or changed; nothing of these is ever removed."""
    return [value for value in changed.values() if value is not None]


def open_writer(path: Path, clock: Callable[[], float] = time.time) -> Writer:
    """Open the database for writing; make or migrate it first where needed.

    Raises:
        StudyError: it cannot be opened, is damaged, or of a newer version.
    """
    # It brings pandas where that is installed: a quarter of a second, which only writers wait.
    from sqlite_utils import Database

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(str(path), readonly=False)
        db = Database(connection, recursive_triggers=False, execute_plugins=False)
        db.enable_wal()
        # A crash of the machine may lose the newest commits, never the database.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        migrate(connection)
    except (OSError, sqlite3.DatabaseError) as error:
        raise StudyError(f"{path}: the database cannot be opened: {error}") from None
    return Writer(db, clock)
