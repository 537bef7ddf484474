"""What the screen shows: an immutable picture of a study, and the numbers drawn from it."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Concatenate, ParamSpec, TypeVar

from autoresearch_tui.control import process_lives
from autoresearch_tui.domain import (
    HEARTBEAT_LIMIT,
    Cluster,
    CurvePoint,
    Event,
    Experiment,
    ExperimentStatus,
    Judgement,
    Noise,
    Progress,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Thought,
    Verdict,
)
from autoresearch_tui.health import Facts, Health, health
from autoresearch_tui.judge.claim import Leader
from autoresearch_tui.tui.results import Results
from autoresearch_tui.usage import Span, Split, split, usage

Args = ParamSpec("Args")
T = TypeVar("T")

_RATE_WINDOW = 3600.0
_RATES_WINDOW = 4 * 3600.0


_MADE_OF = {
    "results": ("results_of",),
    "by_id": ("experiments",),
    "waiting": ("experiments",),
    "active_runs": ("runs",),
    "runs_by_experiment": ("runs",),
    "_first_start": ("runs",),
    "_runs_by_cluster": ("runs",),
    "runs_on": ("runs",),
    "active_on": ("runs",),
    "_recent_runs": ("runs",),
}
"""What is worked out from which fields, so that a picture may take it over from the one before."""


def _once_a_second(
    work: "Callable[Concatenate[View, float, Args], T]",
) -> "Callable[Concatenate[View, float, Args], T]":
    """Work it out again only once the clock shows another second: several panes ask for it."""

    @wraps(work)
    def told(self: "View", now: float, *args: Args.args, **named: Args.kwargs) -> T:
        known: dict[object, tuple[int, T]] = self.__dict__.setdefault(f"{work.__name__} told", {})
        key = (args, tuple(named.items()))
        if key not in known or known[key][0] != int(now):
            known[key] = int(now), work(self, now, *args, **named)
        return known[key][1]

    return told


@dataclass(frozen=True)
class View:
    """One picture of the study. `study` is None until an engine has made the database.

    `experiments` stand by number; `runs` holds every run by id; `thoughts` and `events` only what
    has come since the picture before; `lives` says when an engine lived, `pauses` when the study
    was paused; `telemetry` is what a cluster's accelerators say of themselves. `clock` gives the
    present of the study in Unix seconds, which for a recording is not ours. Pictures with the same
    `results_of` have the same results. `best_curves` has the training curve of a run of the best
    on each accelerator type, where it has one, and `curves` those of the runs under way, by run.
    """

    study: Study | None = None
    experiments: Sequence[Experiment] = ()
    runs: Mapping[str, Run] = field(default_factory=dict[str, Run])
    clusters: Sequence[Cluster] = ()
    progress: Mapping[str, Progress] = field(default_factory=dict[str, Progress])
    thoughts: Sequence[Thought] = ()
    events: Sequence[Event] = ()
    trouble: str = ""
    lives: Sequence[Span] = ()
    pauses: Sequence[Span] = ()
    judgements: Sequence[Judgement] = ()
    telemetry: Mapping[str, str] = field(default_factory=dict[str, str])
    clock: Callable[[], float] = time.time
    results_of: object = None
    best_curves: Mapping[str, Sequence[CurvePoint]] = field(
        default_factory=dict[str, Sequence[CurvePoint]]
    )
    curves: Mapping[str, Sequence[CurvePoint]] = field(
        default_factory=dict[str, Sequence[CurvePoint]]
    )

    def taking_over(self, before: "View | None") -> "View":
        """This picture, with what was worked out for an earlier one that is made of the same."""
        for name, sources in _MADE_OF.items() if before is not None else ():
            is_same = all(getattr(self, each) is getattr(before, each) for each in sources)
            if is_same and name in before.__dict__:
                self.__dict__[name] = before.__dict__[name]
        return self

    def prepared(self) -> "View":
        """This picture, with all worked out that a redraw needs: not for the event loop."""
        for name in _MADE_OF:
            getattr(self, name)
        self.results.prepare()
        # Mostly it is drawn within the same second.
        self.health(self.clock())
        return self

    def silence(self, now: float) -> float | None:
        """Seconds since the engine's last heartbeat while it should live; None when all is well."""
        study = self.study
        if study is None or study.status is StudyStatus.FINISHED:
            return None
        silent = study.silence(now)
        # A process that is gone need not be waited for.
        is_gone = study.heartbeat_at is not None and not process_lives(study.engine_pid)
        return silent if silent > HEARTBEAT_LIMIT or is_gone else None

    @cached_property
    def results(self) -> Results:
        """What has been judged, and what follows from it."""
        study = self.study
        return Results(
            self.experiments,
            self.judgements,
            self.runs.values(),
            study.task_since if study is not None else 0.0,
            study.minimize if study is not None else True,
        )

    @property
    def verdict_rows(self) -> Sequence[Judgement]:
        """The present task's verdicts, in order: one for each accelerator type of an experiment."""
        return self.results.rows

    @property
    def kinds(self) -> Sequence[str]:
        """The accelerator types that verdicts are of, in the order of their names."""
        return self.results.kinds

    @property
    def rows_by_experiment(self) -> Mapping[str, Sequence[Judgement]]:
        """The verdicts of each experiment."""
        return self.results.rows_by_experiment

    @property
    def leaders(self) -> Sequence[Leader]:
        """The best of each accelerator type, that with most verdicts first."""
        return self.results.leaders if self.study is not None else ()

    @property
    def best(self) -> Experiment | None:
        """The incumbent on the accelerator type with most verdicts."""
        return self.by_id.get(self.leaders[0].best.experiment) if self.leaders else None

    @cached_property
    def by_id(self) -> Mapping[str, Experiment]:
        """The experiments by their ids."""
        return {e.id: e for e in self.experiments}

    @cached_property
    def baseline(self) -> Experiment | None:
        """The newest unchanged starting point with a value."""
        found = [e for e in self.experiments if e.is_baseline and e.value is not None]
        return found[-1] if found else None

    @cached_property
    def active_runs(self) -> Sequence[Run]:
        """Runs that have not ended, oldest first."""
        return [run for run in self.runs.values() if not run.status.is_final]

    @cached_property
    def runs_by_experiment(self) -> Mapping[str, Sequence[Run]]:
        """The runs of each experiment, in their order."""
        found: dict[str, list[Run]] = {}
        for run in self.runs.values():
            found.setdefault(run.experiment, []).append(run)
        for runs in found.values():
            if len(runs) > 1:
                runs.sort(key=lambda r: r.ordinal)
        return found

    @cached_property
    def active_on(self) -> Mapping[str, Sequence[Run]]:
        """The runs of each cluster that have not ended, oldest first."""
        found: dict[str, list[Run]] = {}
        for run in self.active_runs:
            if run.cluster is not None:
                found.setdefault(run.cluster, []).append(run)
        return found

    @cached_property
    def runs_on(self) -> Mapping[str, Sequence[Run]]:
        """The runs that have begun on each cluster."""
        found: dict[str, list[Run]] = {}
        for run in self.runs.values():
            if run.cluster is not None and run.started_at is not None:
                found.setdefault(run.cluster, []).append(run)
        return found

    def best_run(self, accelerator: str | None) -> Run | None:
        """A run of the best on an accelerator type."""
        for leader in self.leaders:
            if leader.accelerator == accelerator:
                runs = self.runs_by_experiment.get(leader.best.experiment, ())
                there = [run for run in runs if run.accelerator == accelerator]
                return next((run for run in there if run.status is RunStatus.SUCCEEDED), None)
        return None

    @cached_property
    def waiting(self) -> Sequence[Experiment]:
        """Proposals that wait for the operator or their countdown, oldest first."""
        return [e for e in self.experiments if e.status is ExperimentStatus.PROPOSED]

    @property
    def verdicts(self) -> Mapping[Verdict, int]:
        """How many experiments have each verdict."""
        return self.results.verdicts

    def count(self, status: ExperimentStatus) -> int:
        """How many experiments stand in a status."""
        return sum(1 for e in self.experiments if e.status is status)

    def rate(self, now: float) -> float | None:
        """Experiments judged an hour, over the last hour or since the first run's start."""
        judged, first = self.results.judged_at, self._first_start
        if first is None or not judged:
            return None
        end = self.end(now)
        since = max(first, end - _RATE_WINDOW)
        return 3600 * (len(judged) - bisect_left(judged, since)) / max(end - since, 1.0)

    @cached_property
    def _first_start(self) -> float | None:
        return min(
            (r.started_at for r in self.runs.values() if r.started_at is not None), default=None
        )

    def end(self, now: float) -> float:
        """When the clock of the study stands: now, or its end."""
        if self.study is not None and self.study.status is StudyStatus.FINISHED:
            return self.study.ended_at or now
        return now

    @_once_a_second
    def busy(self, now: float, cluster: str | None = None) -> float | None:
        """Share of the last hour, 0 to 1, in which clusters executed runs while an engine lived.

        Counted from each cluster's first run.
        """
        end = self.end(now)
        runs = self._recent_runs if cluster is None else self._runs_by_cluster.get(cluster, ())
        return usage(runs, self.lived(end), end, since=end - _RATE_WINDOW).busy_share

    @_once_a_second
    def health(self, now: float) -> Health | None:
        """How the study is, in a word; None before there is one."""
        if self.study is None:
            return None
        ended = self.end(now)
        recent = {run.id: run for run in (*self._recent_runs, *self.active_runs)}
        return health(
            Facts(
                self.study,
                self.clusters,
                list(recent.values()),
                len(self.waiting),
                self.verdict_rows,
                self.silence(now),
                self.busy(now),
                ended,
            )
        )

    @property
    def noise(self) -> Mapping[str, Noise]:
        """The spread of repeats on each accelerator type."""
        return self.results.noise

    @property
    def gains(self) -> Sequence[Judgement]:
        """The verdicts that kept something, in their order, but for the baseline's."""
        return self.results.gains

    @_once_a_second
    def rates(self, now: float, buckets: int) -> Sequence[float]:
        """Verdicts an hour, in that many equal parts of the last four hours or of the whole."""
        rows, end = self.verdict_rows, self.end(now)
        if not rows or self.study is None:
            return ()
        begin = max(self.study.started_at or rows[0].judged_at, end - _RATES_WINDOW)
        width = (end - begin) / buckets
        if width <= 0:
            return ()
        found = [0.0] * buckets
        for row in reversed(rows):
            if row.judged_at < begin:
                break
            found[min(int((row.judged_at - begin) / width), buckets - 1)] += 3600 / width
        return found

    def split(self, cluster: Cluster, now: float) -> Split:
        """What the time of a cluster went to."""
        end = self.end(now)
        return split(cluster, self.runs.values(), self.lived(end), self.pauses, end)

    def lived(self, end: float) -> Sequence[Span]:
        """When an engine lived; the newest goes on while nothing is read."""
        if self.lives and self.study is not None and self.study.is_alive(end):
            return [*self.lives[:-1], (self.lives[-1][0], end)]
        return self.lives

    @cached_property
    def _recent_runs(self) -> Sequence[Run]:
        return [run for runs in self._runs_by_cluster.values() for run in runs]

    @cached_property
    def _runs_by_cluster(self) -> Mapping[str, Sequence[Run]]:
        """The runs that reach into the last hour, and each cluster's first one."""
        found: dict[str, list[Run]] = {}
        newest = max((r.started_at or 0.0 for r in self.runs.values()), default=0.0)
        for run in self.runs.values():
            if run.cluster is None or run.started_at is None:
                continue
            mine = found.setdefault(run.cluster, [])
            if not mine or (run.ended_at or newest) > newest - _RATE_WINDOW:
                mine.append(run)
        return found
