"""Plays a study that has been again, from what its database has kept: the same picture, later."""

import bisect
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    CurvePoint,
    Event,
    Experiment,
    ExperimentStatus,
    Judgement,
    Note,
    Progress,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Thought,
    Turn,
    Verdict,
)
from autoresearch_tui.errors import StudyError
from autoresearch_tui.store import Reader, open_reader
from autoresearch_tui.tui.view import View
from autoresearch_tui.usage import Span

_ALL = 10_000_000

Status = TypeVar("Status", bound=StrEnum)


class Playhead:
    """The present of a recording, in its own Unix seconds: it goes `speed` times as fast as ours.

    It stops at `end`.
    """

    def __init__(
        self,
        begin: float,
        end: float,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._at, self._since = begin, clock()
        self.begin, self.end = begin, end
        self._speed = speed
        self.is_held = False

    @property
    def speed(self) -> float:
        """Its seconds in one of ours."""
        return self._speed

    def now(self) -> float:
        """Where it stands."""
        gone = 0.0 if self.is_held else (self._clock() - self._since) * self._speed
        return min(self._at + gone, self.end)

    def jump(self, share: float) -> None:
        """Go to a share of the whole, 0 to 1."""
        self._at, self._since = self.begin + share * (self.end - self.begin), self._clock()

    def change(self, *, speed: float | None = None, held: bool | None = None) -> None:
        """Go on from here at another speed, or hold."""
        self._at, self._since = self.now(), self._clock()
        self._speed = speed if speed is not None else self._speed
        self.is_held = held if held is not None else self.is_held


@dataclass(frozen=True)
class Recording:
    """All that a study has kept of itself; what happens is in `events`, in order."""

    study: Study
    experiments: Sequence[Experiment]
    runs: Sequence[Run]
    judgements: Sequence[Judgement]
    clusters: Sequence[Cluster]
    turns: Sequence[Turn]
    thoughts: Sequence[Thought]
    events: Sequence[Event]
    lives: Sequence[Span]
    pauses: Sequence[Span]
    telemetry: Mapping[str, str]

    @property
    def begin(self) -> float:
        """When it begins, in Unix seconds."""
        return self.study.started_at or self.study.created_at

    @property
    def end(self) -> float:
        """The last that is known of it."""
        last = [self.events[-1].time] if self.events else []
        return max(*last, self.study.ended_at or self.begin, self.begin)


def read_recording(reader: Reader) -> Recording:
    """Read a study as a recording.

    Raises:
        StudyError: there is none yet.
    """
    with reader.snapshot():
        study = reader.study()
        events = reader.events(0, _ALL)
        end = study.ended_at or (events[-1].time if events else study.created_at)
        return Recording(
            study,
            reader.experiments(),
            reader.runs(),
            reader.judgements(),
            reader.clusters(),
            reader.turns(0, _ALL),
            reader.thoughts(0, _ALL),
            events,
            reader.lives(end),
            reader.pauses(end),
            reader.telemetry(),
        )


class _Told(dict[str, Status]):
    """The status of each subject, as the record has told it so far."""

    def __init__(self, prefix: str, kind: type[Status]) -> None:
        super().__init__()
        self._kinds = {f"{prefix}.{status.value}": status for status in kind}
        self.times: dict[str, float] = {}

    def hear(self, event: Event) -> None:
        """Take an entry in; one of another kind changes nothing."""
        if (status := self._kinds.get(event.kind)) is not None:
            self[event.subject] = status
            self.times.setdefault(f"{event.subject} {status.value}", event.time)

    def since(self, subject: str, status: Status) -> float | None:
        """When a subject first stood in a status, if it has."""
        return self.times.get(f"{subject} {status.value}")


class Replay:
    """What a feed is to a living study, to a recording. One thread at a time may poll it."""

    def __init__(self, path: Path, speed: float, clock: Callable[[], float] = time.monotonic):
        """Read the database at `path`; `speed` in its seconds a second.

        Raises:
            StudyError: there is none, or nothing has been recorded in it.
        """
        self._reader = open_reader(path)
        self._record = record = read_recording(self._reader)
        if record.end <= record.begin:
            raise StudyError(f"{path}: nothing has happened in this study that could be shown")
        self.head = Playhead(record.begin, record.end, speed, clock)
        self._experiments = _Told("experiment", ExperimentStatus)
        self._runs = _Told("run", RunStatus)
        self._clusters = _Told("cluster", ClusterStatus)
        self._study = _Told("study", StudyStatus)
        self._suspected: set[str] = set()
        self._heard = self._thought = 0
        self._shown_at = 0.0
        self._alarm, self._approval = "", _first_approval(record)
        self._curves: dict[str, list[CurvePoint]] = {}
        self._by_run = {run.id: run for run in record.runs}
        # Curves are asked for by another thread than pictures.
        self._lock = threading.Lock()
        self._is_over = False
        rows = Counter(row.experiment for row in record.judgements)
        self._judged_once = {experiment for experiment, count in rows.items() if count == 1}
        # What each looked like in its newest status, so that only what changes is made anew.
        self._made: dict[str, tuple[object, Experiment]] = {}
        self._made_runs: dict[str, tuple[RunStatus, Run]] = {}

    def poll(self) -> View | None:
        """The picture at the head; None when it has not moved."""
        now = self.head.now()
        if now == self._shown_at:
            return None
        self._shown_at = now
        events = self._until(self._record.events, self._heard, now)
        thoughts = self._until(self._record.thoughts, self._thought, now)
        self._heard += len(events)
        self._thought += len(thoughts)
        for event in events:
            self._hear(event)
        runs = {run.id: run for run in self._present_runs(now)}
        judgements = self._present_judgements(now)
        best = {row.experiment for row in judgements if row.is_best}
        clusters = list(self._present_clusters(now))
        return View(
            self._present_study(now, clusters),
            list(self._present_experiments(best)),
            runs,
            clusters,
            {run.id: self._progress(run, now) for run in self._running(now)},
            thoughts,
            events,
            lives=[(begin, min(end, now)) for begin, end in self._record.lives if begin <= now],
            pauses=[(begin, min(end, now)) for begin, end in self._record.pauses if begin <= now],
            telemetry=self._record.telemetry,
            judgements=judgements,
            clock=self.head.now,
            curves={run.id: self.curve(run.id) for run in self._running(now)},
        )

    def curve(self, run: str) -> Sequence[CurvePoint]:
        """The curve of a run, as far as the head has come."""
        progress = self._fraction_of(run)
        with self._lock:
            return [point for point in self._curve(run) if point.fraction <= progress]

    def turns(self) -> Sequence[Turn]:
        """The turns that have begun by now, those under way without an end."""
        now = self.head.now()
        return [
            turn
            if turn.ended_at is None or turn.ended_at <= now
            else replace(turn, ended_at=None, admitted=0, cost=0.0, outcome="")
            for turn in self._turns(now)
        ]

    def thoughts_of(self, turn: int) -> Sequence[Thought]:
        """What has been thought in a turn by now."""
        now = self.head.now()
        return [each for each in self._record.thoughts if each.turn == turn and each.time <= now]

    def notepad(self) -> Note:
        """The notepad at the end of the recording, for there is no other."""
        with self._lock:
            return Note(0, 0.0, "", "") if self._is_over else self._reader.notepad()

    def events(self, after: int) -> Sequence[Event]:
        """The entries above a number that have been made by now."""
        now = self.head.now()
        return [each for each in self._record.events if each.seq > after and each.time <= now]

    def _curve(self, run: str) -> list[CurvePoint]:
        if run not in self._curves and not self._is_over:
            self._curves[run] = self._reader.curve(run)
        return self._curves.get(run, [])

    def _fraction_of(self, run: str) -> float:
        """How far a run is; one that has ended is whole."""
        found = self._by_run.get(run)
        if found is None or found.started_at is None:
            return 0.0
        end = found.ended_at or self._record.end
        return (self.head.now() - found.started_at) / max(end - found.started_at, 1e-9)

    def close(self) -> None:
        """Close the database, once a query that is under way has ended."""
        with self._lock:
            self._is_over = True
            self._reader.close()

    @staticmethod
    def _until(items: "Sequence[_Timed]", first: int, now: float) -> "Sequence[_Timed]":
        last = bisect.bisect_right(items, now, lo=first, key=lambda item: item.time)
        return items[first:last]

    def _hear(self, event: Event) -> None:
        for told in (self._experiments, self._runs, self._clusters, self._study):
            told.hear(event)
        if event.kind.startswith("alarm."):
            self._alarm = "" if event.kind == "alarm.over" else event.text
        if event.kind == "cluster.suspected":
            self._suspected.add(event.subject)
        if event.kind == "approval":
            self._approval = ApprovalMode(event.text.rpartition(" ")[2])

    def _present_study(self, now: float, clusters: Sequence[Cluster]) -> Study:
        study = self._record.study
        is_over = now >= self._record.end
        status = study.status if is_over else self._newest_status()
        thinking = sorted({t.researcher for t in self._turns(now) if (t.ended_at or now) >= now})
        spent = sum(each.cost for each in clusters)
        spent += sum(t.cost for t in self._turns(now) if t.ended_at is not None)
        return replace(
            study,
            status=status,
            approval=self._approval,
            ended_at=study.ended_at if is_over else None,
            end_reason=study.end_reason if is_over else "",
            researcher_state=f"thinking: {', '.join(thinking)}" if thinking else "",
            spent_usd=min(spent, study.spent_usd),
            engine_pid=os.getpid(),
            heartbeat_at=now,
            alarm=study.alarm if is_over else self._alarm,
        )

    def _newest_status(self) -> StudyStatus:
        found = next(iter(self._study.values()), StudyStatus.RUNNING)
        # An engine that was killed has been started again since.
        return StudyStatus.RUNNING if found is StudyStatus.FINISHED else found

    def _turns(self, now: float) -> Iterator[Turn]:
        return (turn for turn in self._record.turns if turn.started_at <= now)

    def _present_experiments(self, best: set[str]) -> Iterator[Experiment]:
        for each in self._record.experiments:
            status, is_best = self._experiments.get(each.id), each.id in best
            if status is None:
                continue
            made = self._made.get(each.id)
            if made is None or made[0] != (status, is_best):
                made = (status, is_best), _as_it_was(each, status, is_best)
                self._made[each.id] = made
            yield made[1]

    def _present_judgements(self, now: float) -> list[Judgement]:
        best: dict[str, int] = {}
        found: list[Judgement] = []
        for row in self._record.judgements:
            if self._known_at(row) <= now:
                if row.verdict is Verdict.KEEP:
                    best[row.accelerator] = len(found)
                found.append(replace(row, is_best=False))
        for place in best.values():
            found[place] = replace(found[place], is_best=True)
        return found

    def _known_at(self, row: Judgement) -> float:
        """When there first was a verdict, of which the newest is on record."""
        first = self._experiments.since(row.experiment, ExperimentStatus.JUDGED)
        is_alone = row.experiment in self._judged_once
        return first if is_alone and first is not None else row.judged_at

    def _present_runs(self, now: float) -> Iterator[Run]:
        for run in self._record.runs:
            if run.created_at > now:
                continue
            status = self._runs.get(run.id, RunStatus.PENDING)
            made = self._made_runs.get(run.id)
            if made is None or made[0] is not status:
                made = self._made_runs[run.id] = status, _run_as_it_was(run, status)
            yield made[1]

    def _running(self, now: float) -> Iterator[Run]:
        return (
            run
            for run in self._record.runs
            if self._runs.get(run.id) is RunStatus.RUNNING
            and run.started_at is not None
            and run.started_at <= now
        )

    def _progress(self, run: Run, now: float) -> Progress:
        begin, end = run.started_at or now, run.ended_at or self._record.end
        fraction = min((now - begin) / max(end - begin, 1e-9), 1.0)
        with self._lock:
            there = [point for point in self._curve(run.id) if point.fraction <= fraction]
        loss, step = (there[-1].loss, there[-1].step) if there else (None, 0)
        return Progress(run.id, fraction, step, loss, end - now, "", now)

    def _present_clusters(self, now: float) -> Iterator[Cluster]:
        for each in self._record.clusters:
            status = self._clusters.get(each.name)
            if status is None:
                continue
            end = min(now, each.billed_at or now)
            hours = max(end - each.created_at, 0.0) / 3600
            yield replace(
                each,
                status=status,
                note=each.note if status is each.status else "",
                cost=min(hours * each.price, each.cost),
                billed_at=end,
                updated_at=now,
                suspected=each.suspected if each.name in self._suspected else "",
            )


_Timed = TypeVar("_Timed", Event, Thought)


def _first_approval(record: Recording) -> ApprovalMode:
    """The mode at the beginning is told only where it has never been changed."""
    changed = any(event.kind == "approval" for event in record.events)
    return ApprovalMode.AUTO if changed else record.study.approval


def _as_it_was(each: Experiment, status: ExperimentStatus, is_best: bool) -> Experiment:
    if status is ExperimentStatus.JUDGED:
        return replace(each, status=status, is_best=is_best)
    if status is each.status and not status.is_live:
        return each
    return replace(
        each,
        status=status,
        verdict=None,
        certified=False,
        value=None,
        gain=None,
        accelerator=None,
        why="",
        judged_at=None,
        is_best=False,
    )


def _run_as_it_was(run: Run, status: RunStatus) -> Run:
    if status.is_final and status is run.status:
        return run
    run = replace(
        run,
        status=status,
        ended_at=None,
        exit_code=None,
        value=None,
        metrics={},
        why="",
        cost=0.0,
        blame=None,
    )
    if status is RunStatus.RUNNING:
        return run
    if status is not RunStatus.PENDING:
        return replace(run, started_at=None)
    return replace(run, cluster=None, accelerator=None, submitted_at=None, started_at=None)
