"""Writes the database; one writer a study, the engine."""

# sqlite-utils annotates its containers only in part.
# pyright: reportUnknownMemberType=false

import sqlite3
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from autoresearch_tui.domain import (
    Cluster,
    CurvePoint,
    Experiment,
    ExperimentStatus,
    Progress,
    Run,
    RunStatus,
    Study,
    check_experiment_transition,
    check_run_transition,
)
from autoresearch_tui.errors import StudyError
from autoresearch_tui.store import codec
from autoresearch_tui.store.reader import Reader
from autoresearch_tui.store.schema import connect, migrate

_OUTER = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))
"""How a transaction begins, ends and is undone: on its own, or within another."""


class Writer(Reader):
    """Changes the study. Each method is one transaction; `transaction` joins several.

    A change of an experiment or a run appends to the record what it was and by whom. `clock`
    gives Unix seconds.
    """

    def __init__(self, db: Database, clock: Callable[[], float] = time.time) -> None:
        super().__init__(db)
        self._clock = clock
        self._rev = self.revision()

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
            "time": self._clock(),
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

    def next_number(self) -> int:
        """The number of the next experiment; the first is 1."""
        row = self._execute("SELECT coalesce(max(number), 0) + 1 FROM experiments").fetchone()
        return row[0]

    def next_wave(self) -> int:
        """The number of the next wave; the first is 1."""
        row = self._execute("SELECT coalesce(max(wave), 0) + 1 FROM experiments").fetchone()
        return row[0]

    def next_turn(self) -> int:
        """The number of the researcher's next turn; the first is 1."""
        row = self._execute("SELECT coalesce(max(turn), 0) + 1 FROM thoughts").fetchone()
        return row[0]

    def add_experiment(self, experiment: Experiment, actor: str = "engine") -> None:
        """Add an experiment in whatever status it has."""
        with self.transaction():
            row = codec.to_row(experiment) | {"rev": self._next_rev()}
            self._insert("experiments", row)
            self.record(
                f"experiment.{experiment.status}",
                experiment.why or experiment.title,
                actor=actor,
                subject=experiment.id,
            )

    def change_experiment(
        self,
        experiment: str,
        status: ExperimentStatus | None = None,
        *,
        actor: str = "engine",
        text: str = "",
        **changes: object,
    ) -> None:
        """Set columns of an experiment and, with `status`, move it on.

        Raises:
            IllegalTransition: it cannot go to `status` from where it is.
        """
        with self.transaction():
            now = self._status("experiments", experiment)
            if status is not None:
                check_experiment_transition(ExperimentStatus(now), status)
                changes["status"] = status
                self.record(f"experiment.{status}", text, actor=actor, subject=experiment)
            elif text:
                self.record("experiment", text, actor=actor, subject=experiment)
            self._update("experiments", experiment, changes)

    def add_run(self, run: Run) -> None:
        """Add a run in whatever status it has."""
        with self.transaction():
            self._insert("runs", codec.to_row(run) | {"rev": self._next_rev()})
            self.record(f"run.{run.status}", f"seed {run.seed}", subject=run.id)

    def change_run(
        self,
        run: str,
        status: RunStatus | None = None,
        *,
        actor: str = "engine",
        text: str = "",
        **changes: object,
    ) -> None:
        """Set columns of a run and, with `status`, move it on; an ended run has no progress.

        Raises:
            IllegalTransition: it cannot go to `status` from where it is.
        """
        with self.transaction():
            now = self._status("runs", run)
            if status is not None:
                check_run_transition(RunStatus(now), status)
                changes["status"] = status
                self.record(f"run.{status}", text, actor=actor, subject=run)
                if status.is_final:
                    self._execute("DELETE FROM progress WHERE run = ?", [run])
            self._update("runs", run, changes)

    def _status(self, name: str, pk: str) -> str:
        row = self._execute(f"SELECT status FROM {name} WHERE id = ?", (pk,)).fetchone()
        if row is None:
            raise KeyError(f"{name}: no {pk}")
        return row[0]

    def _update(self, name: str, pk: str, changes: Mapping[str, Any]) -> None:
        row = codec.values_to_row(changes) | {"rev": self._next_rev()}
        self._set(name, "id", pk, row)

    def put_cluster(self, cluster: Cluster) -> None:
        """Add a cluster, or replace what is known of it."""
        self._insert("clusters", codec.to_row(cluster), "REPLACE")

    def put_progress(self, progress: Sequence[Progress]) -> None:
        """Set the newest progress of runs."""
        with self.transaction():
            for each in progress:
                self._insert("progress", codec.to_row(each), "REPLACE")

    def add_curve(self, points: Sequence[tuple[str, CurvePoint]]) -> None:
        """Append points to the training curves of runs; a point that is there stays."""
        with self.transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO curve (run, step, fraction, loss) VALUES (?, ?, ?, ?)",
                [(run, point.step, point.fraction, point.loss) for run, point in points],
            )

    def add_thought(self, turn: int, researcher: str, kind: str, text: str) -> None:
        """Append a piece of reasoning to a turn."""
        row = {
            "turn": turn,
            "time": self._clock(),
            "researcher": researcher,
            "kind": kind,
            "text": text,
        }
        self._insert("thoughts", row)


def open_writer(path: Path, clock: Callable[[], float] = time.time) -> Writer:
    """Open the database for writing; make or migrate it first where needed.

    Raises:
        StudyError: it cannot be opened, is damaged, or of a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = connect(str(path), readonly=False)
        db.enable_wal()
        # A crash of the machine may lose the newest commits, never the database.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        migrate(db)
    except (OSError, sqlite3.DatabaseError) as error:
        raise StudyError(f"{path}: the database cannot be opened: {error}") from None
    return Writer(db, clock)
