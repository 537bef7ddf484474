"""Follows the database of a study, read-only, and makes pictures of it."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from autoresearch_tui.domain import (
    CurvePoint,
    Event,
    Experiment,
    Judgement,
    Note,
    Progress,
    Run,
    Thought,
    Turn,
)
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Reader, open_reader
from autoresearch_tui.tui.view import View

T = TypeVar("T")

_FIRST_THOUGHTS = 2000
_MOST_EVENTS = 5000
_MOST_POINTS = 2000


class Source(Protocol):
    """Where pictures of a study come from."""

    def poll(self) -> View | None:
        """A new picture, or None when nothing has changed; may block."""
        ...

    def curve(self, run: str) -> Sequence[CurvePoint]:
        """The training curve of a run as far as it is known; may block."""
        ...

    def turns(self) -> Sequence[Turn]:
        """All turns of researchers, in order; may block."""
        ...

    def thoughts_of(self, turn: int) -> Sequence[Thought]:
        """All that was thought in a turn, as far as it is known; may block."""
        ...

    def notepad(self) -> Note:
        """The notepad as it is; may block."""
        ...

    def events(self, after: int) -> Sequence[Event]:
        """The newest entries of the record above a number, in order; may block."""
        ...

    def close(self) -> None:
        """Let the source go."""
        ...


class Feed:
    """Reads only what has changed since the last picture. One thread at a time may use it."""

    def __init__(self, paths: StudyPaths) -> None:
        self._paths = paths
        self._reader: Reader | None = None
        self._version = -1
        self._rev = 0
        self._thought = 0
        self._event = 0
        self._experiments: dict[str, Experiment] = {}
        self._listed: tuple[Experiment, ...] = ()
        self._runs: dict[str, Run] = {}
        self._results_of = object()
        self._key: object = None
        self._before: View | None = None
        self._best_curves: dict[str, tuple[str, Sequence[CurvePoint]]] = {}
        self._curves: dict[str, Sequence[CurvePoint]] = {}
        self._judgements: dict[tuple[str, str], Judgement] = {}
        self._trouble = ""
        # SQLite does not bear a connection that is closed in the middle of a query.
        self._lock = threading.Lock()
        self._is_over = False

    def poll(self) -> View | None:
        """A new picture, or None when nothing has changed; blocks on the disk."""
        with self._lock:
            return None if self._is_over else self._poll()

    def _poll(self) -> View | None:
        try:
            reader = self._open()
            version = reader.data_version()
            if version == self._version:
                return None
            view = self._read(reader)
        except (StudyError, sqlite3.Error) as error:
            self._let_go()
            return self._fail(str(error))
        self._version, self._trouble = version, ""
        return view

    def curve(self, run: str) -> Sequence[CurvePoint]:
        """The training curve of a run."""
        return self._ask(lambda reader: reader.curve(run), [])

    def turns(self) -> Sequence[Turn]:
        """All turns of researchers, in order."""
        return self._ask(lambda reader: reader.turns(limit=-1), [])

    def thoughts_of(self, turn: int) -> Sequence[Thought]:
        """All that was thought in a turn."""
        return self._ask(lambda reader: reader.thoughts_of(turn), [])

    def notepad(self) -> Note:
        """The newest version of the notepad."""
        return self._ask(lambda reader: reader.notepad(), Note(0, 0.0, "", ""))

    def events(self, after: int) -> Sequence[Event]:
        """The newest entries of the record above a number."""
        return self._ask(lambda reader: reader.events(after, _MOST_EVENTS), [])

    def _ask(self, read: Callable[[Reader], T], otherwise: T) -> T:
        """Ask over a connection of its own, for this may be in the middle of a poll."""
        with contextlib.suppress(StudyError, sqlite3.Error):
            reader = open_reader(self._paths.database)
            with reader:
                return read(reader)
        return otherwise

    def close(self) -> None:
        """Close the connection, once a poll that is under way has ended; no other follows."""
        with self._lock:
            self._is_over = True
            self._let_go()

    def _let_go(self) -> None:
        """Close the connection; the next poll opens another."""
        if self._reader is not None:
            with contextlib.suppress(sqlite3.Error):
                self._reader.close()
        self._reader, self._version = None, -1

    def _open(self) -> Reader:
        if self._reader is None:
            self._reader = open_reader(self._paths.database)
        return self._reader

    def _fail(self, trouble: str) -> View | None:
        if trouble == self._trouble:
            return None
        self._trouble = trouble
        return View(experiments=tuple(self._experiments.values()), runs=self._runs, trouble=trouble)

    def _read_best_curves(self, reader: Reader) -> None:
        """Read the curves of those that were the best in the picture before, once each."""
        before = self._before
        for kind in before.kinds if before is not None else ():
            best = before.best_run(kind) if before is not None else None
            if best is not None and self._best_curves.get(kind, ("",))[0] != best.id:
                self._best_curves[kind] = best.id, reader.curve(best.id)

    def _grow_curves(self, reader: Reader, progress: Mapping[str, Progress]) -> None:
        """Add to the curves of the runs under way what they say now; each is read but once."""
        grown: dict[str, Sequence[CurvePoint]] = {}
        for run, said in progress.items():
            known = self._curves[run] if run in self._curves else reader.curve(run)
            if said.loss is not None and (not known or said.step > known[-1].step):
                known = (*known, CurvePoint(said.step, said.fraction, said.loss, said.updated_at))
            grown[run] = known if len(known) <= _MOST_POINTS else known[::2]
        self._curves = grown

    def _read(self, reader: Reader) -> View:
        with reader.snapshot():
            study, rev = reader.study(), reader.revision()
            experiments = reader.experiments_since(self._rev)
            runs = reader.runs_since(self._rev)
            judgements = reader.judgements_since(self._rev if self._judgements else -1)
            clusters, progress = reader.clusters(), reader.progress()
            thoughts = reader.thoughts(self._thought, _FIRST_THOUGHTS)
            events = reader.events(self._event, _FIRST_THOUGHTS)
            now = time.time()
            telemetry = reader.telemetry()
            lives, pauses = reader.lives(now), reader.pauses(now)
            self._read_best_curves(reader)
            self._grow_curves(reader, progress)
        self._rev = rev
        self._thought = thoughts[-1].seq if thoughts else self._thought
        self._event = events[-1].seq if events else self._event
        if experiments:
            self._experiments |= {e.id: e for e in sorted(experiments, key=lambda e: e.number)}
            self._listed = tuple(self._experiments.values())
        # The picture before keeps the mapping that it was made with.
        self._runs = self._runs | {run.id: run for run in runs} if runs else self._runs
        if judgements:
            new = {(each.experiment, each.accelerator): each for each in judgements}
            self._judgements = self._judgements | new
        is_judged = any(e.verdict is not None for e in experiments)
        is_measured = any(run.value is not None for run in runs)
        key = (study.task_since, study.minimize)
        if judgements or is_judged or is_measured or key != self._key:
            self._key, self._results_of = key, object()
        view = View(
            study,
            self._listed,
            self._runs,
            clusters,
            progress,
            thoughts,
            events,
            lives=lives,
            pauses=pauses,
            telemetry=telemetry,
            judgements=tuple(self._judgements.values()),
            results_of=self._results_of,
            best_curves={kind: curve for kind, (_, curve) in self._best_curves.items()},
            curves=self._curves,
        )
        self._before = view.taking_over(self._before).prepared()
        return view
