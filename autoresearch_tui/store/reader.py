"""Reads the database: what the TUI, the command line and researchers see."""

import json
import sqlite3
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from autoresearch_tui.domain import (
    Cluster,
    CurvePoint,
    Event,
    Experiment,
    ExperimentStatus,
    Judgement,
    Note,
    Progress,
    Reading,
    Result,
    Run,
    RunStatus,
    Study,
    Thought,
    Turn,
    Verdict,
)
from autoresearch_tui.errors import StudyError
from autoresearch_tui.outbox import Instruction
from autoresearch_tui.store import codec
from autoresearch_tui.store.curves import unpack
from autoresearch_tui.store.schema import check_current, connect

T = TypeVar("T", bound=codec.Entity)

_BEGINS = ("engine.started", "engine.jumped")
_ENDS = ("engine.stopped", "engine.failed", "study.finished")
"""Entries of the record with which a life of an engine begins and ends."""


_RESULTS = """
SELECT e.id AS experiment, e.title, coalesce(e."commit", '') AS "commit",
  coalesce(j.verdict, e.verdict) AS verdict,
  CASE WHEN j.experiment IS NULL THEN e.value ELSE j.value END AS value,
  coalesce(j.accelerator, e.accelerator) AS accelerator,
  coalesce(j.judged_at, e.judged_at) < (SELECT task_since FROM study) AS is_of_old_task,
  (SELECT max(json_extract(r.metrics, '$.peak_vram_mb')) FROM runs r WHERE r.experiment = e.id
    AND CASE WHEN json_valid(r.metrics)
      THEN json_type(r.metrics, '$.peak_vram_mb') IN ('real', 'integer') END
    AND (j.accelerator IS NULL OR r.accelerator = j.accelerator)) AS memory_mb
FROM experiments e LEFT JOIN judgements j ON j.experiment = e.id
WHERE e.verdict NOT NULL {of_one}
ORDER BY coalesce(j.judged_at, e.judged_at), e.number
"""
"""What was judged before verdicts had rows of their own has but the experiment's, and the metrics
of then may hold NaN."""


class Reader:
    """Queries over one connection. Each returns fresh immutable values.

    A consistent view of several queries is had inside `with reader.snapshot():`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        # Its stub knows values of its own types alone; an enum's member is its text.
        return self._connection.execute(sql, cast(Sequence[Any], values))

    def _each(self, kind: type[T], sql: str, *values: object) -> Iterator[T]:
        """The entities whose columns a query gives."""
        found = self._execute(sql, values)
        return map(codec.decoder(kind, _columns(found)), found)

    def _all(self, kind: type[T], sql: str, *values: object) -> list[T]:
        return list(self._each(kind, sql, *values))

    def _first(self, kind: type[T], sql: str, *values: object) -> T | None:
        return next(self._each(kind, sql, *values), None)

    def _rows(self, sql: str, *values: object) -> Iterator[dict[str, Any]]:
        """The rows of a query that gives no entity."""
        found = self._execute(sql, values)
        names = _columns(found)
        return (dict(zip(names, row, strict=True)) for row in found)

    def _one(self, sql: str, *values: object) -> dict[str, Any] | None:
        return next(self._rows(sql, *values), None)

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Hold one version of the data for all queries within."""
        self._execute("BEGIN")
        try:
            yield
        finally:
            self._execute("ROLLBACK")

    def data_version(self) -> int:
        """A number that changes whenever another connection has committed."""
        return self._execute("PRAGMA data_version").fetchone()[0]

    def revision(self) -> int:
        """The newest revision of the study, its experiments and runs; see `experiments_since`."""
        row = self._execute("SELECT rev FROM study").fetchone()
        return row[0] if row else 0

    def study(self) -> Study:
        """The study.

        Raises:
            StudyError: the database has none yet.
        """
        study = self._first(Study, "SELECT * FROM study")
        if study is None:
            raise StudyError("the study has not been started yet: no engine ever ran here")
        return study

    def experiment(self, experiment: str) -> Experiment | None:
        """The experiment with this id."""
        return self._first(Experiment, "SELECT * FROM experiments WHERE id = ?", experiment)

    def experiments_by_digest(self, digest: str) -> list[Experiment]:
        """The experiments whose files are the same, in order.

        What could not be tried does not count, nor what another task has measured.
        """
        return self._all(
            Experiment,
            "SELECT * FROM experiments WHERE digest = ? AND status NOT IN (?, ?)"
            " AND (judged_at IS NULL OR judged_at >= (SELECT task_since FROM study))"
            " ORDER BY number",
            digest,
            ExperimentStatus.REJECTED,
            ExperimentStatus.SET_ASIDE,
        )

    def experiments(self, statuses: Collection[ExperimentStatus] | None = None) -> list[Experiment]:
        """Experiments by number, all or those in one of `statuses`."""
        if statuses is None:
            return self._all(Experiment, "SELECT * FROM experiments ORDER BY number")
        where = f"WHERE status IN ({_marks(statuses)})"
        return self._all(
            Experiment, f"SELECT * FROM experiments {where} ORDER BY number", *statuses
        )

    def experiments_of(self, verdict: Verdict) -> list[Experiment]:
        """Experiments with a verdict, by number."""
        return self._all(
            Experiment, "SELECT * FROM experiments WHERE verdict = ? ORDER BY number", verdict
        )

    def newest_of(self, verdict: Verdict, before: float) -> Experiment | None:
        """The experiment that got a verdict last before a time (Unix seconds), by the same task."""
        return self._first(
            Experiment,
            "SELECT * FROM experiments WHERE verdict = ? AND judged_at < ?"
            " AND judged_at >= (SELECT task_since FROM study) ORDER BY judged_at DESC LIMIT 1",
            verdict,
            before,
        )

    def judged(self) -> int:
        """How many experiments have a verdict."""
        return self._execute("SELECT count(*) FROM experiments WHERE verdict NOT NULL").fetchone()[
            0
        ]

    def experiments_since(self, rev: int) -> list[Experiment]:
        """Experiments that are new or have changed after revision `rev`, oldest change first."""
        return self._all(
            Experiment, "SELECT * FROM experiments WHERE rev > ? ORDER BY rev, number", rev
        )

    def best(self, accelerator: str) -> Experiment | None:
        """The incumbent on an accelerator type."""
        return self._first(
            Experiment,
            "SELECT e.* FROM judgements j JOIN experiments e ON e.id = j.experiment"
            " WHERE j.is_best = 1 AND j.accelerator = ?",
            accelerator,
        )

    def judgements(self, experiment: str | None = None) -> list[Judgement]:
        """What the judge said, of all experiments or of one, in the order in which it said it."""
        where, values = ("WHERE experiment = ?", (experiment,)) if experiment else ("", ())
        return self._all(Judgement, f"SELECT * FROM judgements {where} ORDER BY judged_at", *values)

    def judgements_since(self, rev: int) -> list[Judgement]:
        """Verdicts that are new or have changed after revision `rev`; from before 0, all."""
        return self._all(Judgement, "SELECT * FROM judgements WHERE rev > ? ORDER BY rev", rev)

    def incumbents(self) -> list[Judgement]:
        """The best of each accelerator type."""
        return self._all(Judgement, "SELECT * FROM judgements WHERE is_best = 1 ORDER BY judged_at")

    def judged_accelerators(self) -> list[str]:
        """The accelerator types on which something has been judged."""
        rows = self._rows("SELECT DISTINCT accelerator FROM judgements ORDER BY accelerator")
        return [row["accelerator"] for row in rows]

    def results(self, experiment: str | None = None) -> Iterator[Result]:
        """Each verdict, of all experiments or of one, in the order in which they were given."""
        of_one, values = ("AND e.id = ?", (experiment,)) if experiment else ("", ())
        return self._each(Result, _RESULTS.format(of_one=of_one), *values)

    def outbox(self) -> list[Instruction]:
        """What is still to be done."""
        return self._all(Instruction, "SELECT * FROM outbox")

    def newest_verdicts(self, count: int) -> list[Verdict]:
        """The verdicts given last, newest first."""
        rows = self._rows("SELECT verdict FROM judgements ORDER BY judged_at DESC LIMIT ?", count)
        return [Verdict(row["verdict"]) for row in rows]

    def newest_durations(self, count: int) -> list[float]:
        """Seconds that the runs took that succeeded last, oldest first."""
        rows = self._rows(
            "SELECT ended_at - started_at AS took FROM runs WHERE status = ?"
            " AND started_at IS NOT NULL ORDER BY rev DESC LIMIT ?",
            RunStatus.SUCCEEDED,
            count,
        )
        return [row["took"] for row in rows][::-1]

    def experiments_without_parent(self) -> list[Experiment]:
        """Experiments that stand on nothing, oldest first; the baselines are among them."""
        return self._all(
            Experiment, "SELECT * FROM experiments WHERE parent IS NULL ORDER BY number"
        )

    def repeated_values(self) -> list[tuple[str, str, list[float]]]:
        """Accelerator type, experiment and metrics, where it has two or more results there.

        All of them of the present task.
        """
        rows = self._rows(
            "SELECT accelerator, experiment, json_group_array(value) AS found FROM runs"
            " WHERE status = ? AND value IS NOT NULL"
            " AND coalesce(started_at, created_at) >= (SELECT task_since FROM study)"
            " GROUP BY accelerator, experiment HAVING count(*) > 1",
            RunStatus.SUCCEEDED,
        )
        return [(row["accelerator"], row["experiment"], json.loads(row["found"])) for row in rows]

    def experiment_counts(self) -> dict[ExperimentStatus, int]:
        """How many experiments there are in each status that occurs."""
        rows = self._rows("SELECT status, count(*) AS n FROM experiments GROUP BY status")
        return {ExperimentStatus(row["status"]): row["n"] for row in rows}

    def run(self, run: str) -> Run | None:
        """The run with this id."""
        return self._first(Run, "SELECT * FROM runs WHERE id = ?", run)

    def runs_of(self, experiment: str) -> list[Run]:
        """All runs of an experiment, in their order."""
        return self._all(
            Run, "SELECT * FROM runs WHERE experiment = ? ORDER BY ordinal", experiment
        )

    def runs(self, statuses: Collection[RunStatus] | None = None) -> list[Run]:
        """Runs, oldest first, all or those in one of `statuses`."""
        if statuses is None:
            return self._all(Run, "SELECT * FROM runs ORDER BY created_at, id")
        where = f"WHERE status IN ({_marks(statuses)})"
        return self._all(Run, f"SELECT * FROM runs {where} ORDER BY created_at, id", *statuses)

    def has_results(self) -> bool:
        """Whether any run has succeeded."""
        return self._one("SELECT 1 FROM runs WHERE status = ?", RunStatus.SUCCEEDED) is not None

    def runs_since(self, rev: int) -> list[Run]:
        """Runs that are new or have changed after revision `rev`, oldest change first."""
        return self._all(Run, "SELECT * FROM runs WHERE rev > ? ORDER BY rev", rev)

    def lives(self, now: float) -> list[tuple[float, float]]:
        """When an engine lived, begin and end in Unix seconds, oldest first.

        One that was killed lived until the last entry that it made; the newest until now, or until
        its last heartbeat where that is long ago. Where the clock jumped, a life is cut in two.
        """
        rows = self._rows(
            "SELECT time, kind, (SELECT p.time FROM events p WHERE p.seq < e.seq"
            " ORDER BY p.seq DESC LIMIT 1) AS before FROM events e"
            f" WHERE kind IN ({_marks(_BEGINS + _ENDS)}) ORDER BY seq",
            *_BEGINS,
            *_ENDS,
        )
        found: list[tuple[float, float]] = []
        begin: float | None = None
        for row in rows:
            if begin is not None:
                found.append((begin, row["time"] if row["kind"] in _ENDS else row["before"]))
            begin = row["time"] if row["kind"] in _BEGINS else None
        if begin is not None:
            study = self.study()
            end = now if study.is_alive(now) else study.heartbeat_at or now
            found.append((begin, end))
        return found

    def clusters(self) -> list[Cluster]:
        """All clusters by name."""
        return self._all(Cluster, "SELECT * FROM clusters ORDER BY name")

    def telemetry(self) -> dict[str, str]:
        """What the accelerators of clusters said of themselves last, by cluster."""
        return {row["cluster"]: row["text"] for row in self._rows("SELECT * FROM telemetry")}

    def progress(self) -> dict[str, Progress]:
        """The newest progress of every run that has not ended, by run."""
        return {each.run: each for each in self._each(Progress, "SELECT * FROM progress")}

    def curve(self, run: str) -> list[CurvePoint]:
        """The training curve of a run."""
        row = self._one("SELECT points FROM curves WHERE run = ?", run)
        return unpack(row["points"]) if row else []

    def reading(self, run: str) -> Reading | None:
        """How far the output of a run has been read that has not ended."""
        return self._first(Reading, "SELECT * FROM readings WHERE run = ?", run)

    def turns(self, after: int = 0, limit: int = 1000) -> list[Turn]:
        """The newest `limit` turns of researchers with a number above `after`, in order."""
        return self._all(
            Turn, "SELECT * FROM turns WHERE id > ? ORDER BY id DESC LIMIT ?", after, limit
        )[::-1]

    def open_turns(self) -> list[Turn]:
        """Turns that have not ended."""
        return self._all(Turn, "SELECT * FROM turns WHERE ended_at IS NULL ORDER BY id")

    def turn_seconds(self, researcher: str, count: int) -> list[float]:
        """How long the newest turns of a researcher took that gave something, newest first."""
        rows = self._rows(
            "SELECT ended_at - started_at AS took FROM turns WHERE researcher = ?"
            " AND admitted > 0 AND ended_at IS NOT NULL ORDER BY id DESC LIMIT ?",
            researcher,
            count,
        )
        return [row["took"] for row in rows]

    def llm_cost(self) -> float:
        """Dollars that all turns of language models have cost."""
        row = self._one(
            "SELECT TOTAL(cost) AS cost FROM turns"
            " WHERE researcher = 'llm' OR researcher LIKE 'llm:%'"
        )
        return float(row["cost"]) if row is not None else 0.0

    def thoughts(self, after: int = 0, limit: int = 1000) -> list[Thought]:
        """The newest `limit` pieces of reasoning with a number above `after`, in order."""
        return self._all(
            Thought, "SELECT * FROM thoughts WHERE seq > ? ORDER BY seq DESC LIMIT ?", after, limit
        )[::-1]

    def thoughts_of(self, turn: int) -> list[Thought]:
        """All that was thought in a turn, in order."""
        return self._all(Thought, "SELECT * FROM thoughts WHERE turn = ? ORDER BY seq", turn)

    def notepad(self) -> Note:
        """The newest version of the notepad; an empty one where nobody has written."""
        newest = self._first(Note, "SELECT * FROM notepad ORDER BY version DESC LIMIT 1")
        return newest or Note(0, 0.0, "", "")

    def events_of(self, kinds: Collection[str], after: int = 0, limit: int = 100) -> list[Event]:
        """The newest `limit` entries of some kinds with a number above `after`, in order."""
        return self._all(
            Event,
            f"SELECT * FROM events WHERE seq > ? AND kind IN ({_marks(kinds)})"
            " ORDER BY seq DESC LIMIT ?",
            after,
            *kinds,
            limit,
        )[::-1]

    def newest_thought(self, researcher: str, kind: str) -> str:
        """The text of the newest thought of a kind; empty where there is none."""
        row = self._one(
            "SELECT text FROM thoughts WHERE researcher = ? AND kind = ? ORDER BY seq DESC LIMIT 1",
            researcher,
            kind,
        )
        return str(row["text"]) if row is not None else ""

    def pauses(self, now: float) -> list[tuple[float, float]]:
        """When the study was paused, begin and end in Unix seconds, oldest first."""
        found: list[tuple[float, float]] = []
        since: float | None = None
        for row in self._rows(
            "SELECT time, kind FROM events WHERE substr(kind, 1, 6) = 'study.' ORDER BY seq"
        ):
            if row["kind"] == "study.paused":
                since = row["time"] if since is None else since
            elif since is not None:
                found.append((since, row["time"]))
                since = None
        return found if since is None else [*found, (since, now)]

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """The newest `limit` entries of the record with a number above `after`, in order."""
        return self._all(
            Event, "SELECT * FROM events WHERE seq > ? ORDER BY seq DESC LIMIT ?", after, limit
        )[::-1]


def _columns(found: sqlite3.Cursor) -> tuple[str, ...]:
    return tuple(each[0] for each in found.description)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def open_reader(path: Path) -> Reader:
    """Open the database read-only.

    Raises:
        StudyError: there is none, it is damaged, or of another version.
    """
    if not path.exists():
        raise StudyError(f"{path}: no study here yet; `autoresearch-tui` starts one")
    try:
        connection = connect(str(path), readonly=True)
        check_current(connection)
    except sqlite3.DatabaseError as error:
        raise StudyError(f"{path}: the database cannot be read: {error}") from None
    return Reader(connection)
