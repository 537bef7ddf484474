"""What the heart knows, and a draft of what is to change."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    Cluster,
    ClusterStatus,
    Experiment,
    Judgement,
    Noise,
    Run,
    RunStatus,
    Study,
    Turn,
    Verdict,
)
from autoresearch_tui.judge.noise import pooled_noise
from autoresearch_tui.lifecycle.overlay import Overlay
from autoresearch_tui.outbox import Instruction

Repeats = Mapping[str, tuple[float, ...]]
"""The metrics of each experiment that ran more than once, by experiment."""

FAILED = 1
"""Exit code of an engine that gave up."""

_R = RunStatus
_BACK = frozenset({_R.PENDING, _R.CANCELLED, _R.LOST})
_ENDS = frozenset(status for status in _R if status.is_final)

TRANSITIONS: Mapping[RunStatus, frozenset[RunStatus]] = {
    # A job that was thought absent can turn up after all.
    _R.PENDING: _ENDS | {_R.SUBMITTING, _R.QUEUED, _R.RUNNING},
    # A short run may have ended before its submission was answered.
    _R.SUBMITTING: _ENDS | _BACK | {_R.QUEUED, _R.RUNNING},
    _R.QUEUED: _ENDS | _BACK | {_R.RUNNING},
    _R.RUNNING: _ENDS | _BACK,
    **{end: frozenset[RunStatus]() for end in _ENDS},
}
"""Which status of a run may follow which."""


class IllegalTransition(Exception):
    """A run was asked to go where it cannot go from its status: a defect of ours."""

    def __init__(self, run: Run, then: RunStatus) -> None:
        super().__init__(f"{run.id}: {run.status} -> {then}")
        self.experiment = run.experiment


@dataclass(frozen=True, slots=True)
class Record:
    """An entry for the study's record."""

    kind: str
    text: str
    subject: str = ""
    actor: str = "engine"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the engine is to end, and its exit code."""

    reason: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What the heart remembers between events that no table needs: lost, it is found again.

    `moves` holds what a rebase made of an experiment whose run must first leave its queue. No run
    of `holdoffs`, clusters and experiments, starts before the time that it gives, after so many
    failures. `crashes` counts the crashes since the last success. By cluster, `losses` counts what
    it lost or refused in a row, `failures` the crashes in a row, and `tallies` the crashes and all
    ends. `durations` are of the newest runs, in seconds. Once the engine is told
    to go, `leaving` says why, and `leave_by` when it goes though a cluster has not answered.
    """

    moves: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    holdoffs: Mapping[str, tuple[float, int]] = field(default_factory=dict[str, tuple[float, int]])
    losses: Mapping[str, int] = field(default_factory=dict[str, int])
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    tallies: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    crashes: int = 0
    durations: tuple[float, ...] = ()
    ended_at: float | None = None
    idle_since: float | None = None
    failed_since: float | None = None
    leaving: Ending | None = None
    leave_by: float = 0.0


@dataclass(slots=True)
class State:
    """A study as its heart sees it: what is alive, and what is compared to.

    Experiments that are over are not here, but the incumbents, the baselines and what waits for the
    operator's opinion are. `runs`
    are by experiment, `judgements` by experiment and accelerator type, `repeats` by accelerator
    type. `turns` are those that last. `judged` counts all that were.
    """

    settings: Settings
    study: Study
    experiments: dict[str, Experiment] = field(default_factory=dict[str, Experiment])
    runs: dict[str, tuple[Run, ...]] = field(default_factory=dict[str, tuple[Run, ...]])
    clusters: dict[str, Cluster] = field(default_factory=dict[str, Cluster])
    judgements: dict[tuple[str, str], Judgement] = field(
        default_factory=dict[tuple[str, str], Judgement]
    )
    incumbents: dict[str, str] = field(default_factory=dict[str, str])
    repeats: dict[str, dict[str, tuple[float, ...]]] = field(
        default_factory=dict[str, dict[str, tuple[float, ...]]]
    )
    outbox: dict[str, Instruction] = field(default_factory=dict[str, Instruction])
    turns: dict[int, Turn] = field(default_factory=dict[int, Turn])
    judged: int = 0
    memory: Memory = field(default_factory=Memory)
    ending: Ending | None = None

    def commit(self, draft: "Draft") -> None:
        """Take over what a draft changed, once it is on record."""
        self.study, self.judged = draft.study, draft.judged
        self.memory, self.ending = draft.memory, draft.ending
        draft.experiments.commit(self.experiments)
        draft.runs.commit(self.runs)
        draft.clusters.commit(self.clusters)
        draft.judgements.commit(self.judgements)
        draft.incumbents.commit(self.incumbents)
        draft.outbox.commit(self.outbox)
        draft.turns.commit(self.turns)
        for over in [turn.id for turn in self.turns.values() if turn.ended_at is not None]:
            del self.turns[over]
        for (accelerator, experiment), values in draft.repeats.items():
            self.repeats.setdefault(accelerator, {})[experiment] = values
        self._drop(draft.experiments.changed)
        self._drop([name for name in draft.runs.changed if name not in draft.experiments.changed])

    def _drop(self, names: Collection[str]) -> None:
        """Let go of what is over."""
        needed = {*self.incumbents.values()}
        for name in names:
            found = self.experiments.get(name)
            if found is None or name in needed or found.is_baseline or not is_over(self, found):
                continue
            del self.experiments[name]
            self.runs.pop(name, None)
            for key in [key for key in self.judgements if key[0] == name]:
                del self.judgements[key]


def is_over(state: "State | Draft", experiment: Experiment) -> bool:
    """Whether nothing more is to come of an experiment."""
    is_judged = experiment.verdict is not None and experiment.runs_judged >= experiment.runs_wanted
    # The operator may still accept what nobody else believes.
    is_open = experiment.verdict is Verdict.INCONCLUSIVE or not is_judged
    if is_open and not experiment.status.is_final:
        return False
    return all(run.status.is_final for run in state.runs.get(experiment.id) or ())


class Draft:
    """A state with changes that are not made yet."""

    def __init__(self, state: State, now: float) -> None:
        self.now = now
        self.settings = state.settings
        self.study = state.study
        self.judged = state.judged
        self.memory = state.memory
        self.ending = state.ending
        self.experiments = Overlay(state.experiments)
        self.runs = Overlay(state.runs)
        self.clusters = Overlay(state.clusters)
        self.judgements = Overlay(state.judgements)
        self.incumbents = Overlay(state.incumbents)
        self.outbox = Overlay(state.outbox)
        self.turns = Overlay(state.turns)
        self.repeats: dict[tuple[str, str], tuple[float, ...]] = {}
        self.records: list[Record] = []
        self._state = state

    def runs_before(self, experiment: str) -> Sequence[Run]:
        """The runs of an experiment as they were."""
        return self._state.runs.get(experiment, ())

    def forget_repeats(self) -> None:
        """Know nothing of the noise any more."""
        for accelerator, known in self._state.repeats.items():
            self.repeats |= {(accelerator, experiment): () for experiment in known}

    def study_changes(self) -> Mapping[str, Any]:
        """The fields of the study that have changed."""
        pairs = {f.name: getattr(self.study, f.name) for f in fields(self.study)}
        before = self._state.study
        return {name: new for name, new in pairs.items() if new != getattr(before, name)}

    @property
    def instructions(self) -> list[Instruction]:
        """What follows from the changes."""
        return [found for found in self.outbox.changed.values() if found is not None]

    def record(self, kind: str, text: str, *, subject: str = "", actor: str = "engine") -> None:
        """Add to the study's record."""
        self.records.append(Record(kind, text, subject, actor))

    def give_up(self, why: str) -> None:
        """End the engine: it cannot do anything for the study."""
        self.record("engine.failed", why)
        self.put_study(end_reason=why, alarm=why)
        self.ending = Ending(why, FAILED)

    def order(self, instruction: Instruction) -> None:
        """Have something done."""
        self.outbox[instruction.key] = instruction

    def put_study(self, **changes: Any) -> None:
        """Change the study."""
        self.study = replace(self.study, **changes)

    def remember(self, **changes: Any) -> None:
        """Change the memory."""
        self.memory = replace(self.memory, **changes)

    def put_experiment(
        self, experiment: Experiment, text: str = "", *, actor: str = "engine"
    ) -> None:
        """Add or change an experiment; the record has its new status, or the text, if any."""
        before = self.experiments.get(experiment.id)
        self.experiments[experiment.id] = experiment
        if before is None or before.status is not experiment.status:
            kind = f"experiment.{experiment.status}"
            self.record(kind, text or experiment.why, subject=experiment.id, actor=actor)
        elif text:
            self.record("experiment", text, subject=experiment.id, actor=actor)

    def put_run(self, run: Run, text: str = "") -> None:
        """Add or change a run.

        Raises:
            IllegalTransition: it cannot go to its new status from where it is.
        """
        runs = self.runs.get(run.experiment) or ()
        before = next((r for r in runs if r.id == run.id), None)
        if before is None:
            self.runs[run.experiment] = (*runs, run)
        else:
            if run.status is not before.status and run.status not in TRANSITIONS[before.status]:
                raise IllegalTransition(before, run.status)
            self.runs[run.experiment] = tuple(run if r.id == run.id else r for r in runs)
        if before is None or before.status is not run.status:
            self.record(f"run.{run.status}", text or run.why or _place(run), subject=run.id)

    def runs_of(self, experiment: str) -> Sequence[Run]:
        """The runs of an experiment."""
        return self.runs.get(experiment) or ()

    def find_run(self, job: str) -> Run | None:
        """The run of which a job is, or was, an attempt."""
        name = job.partition(".")[0]
        return next((r for r in self.runs_of(name.partition("-r")[0]) if r.id == name), None)

    def incumbent(self, accelerator: str | None) -> Experiment | None:
        """The best experiment on an accelerator type."""
        name = self.incumbents.get(accelerator) if accelerator is not None else None
        return self.experiments.get(name) if name is not None else None

    @property
    def leading(self) -> str | None:
        """The accelerator type of most clusters; what is bound to none follows its incumbent."""
        return leading_accelerator(list(self.clusters.values()), self.incumbents.keys())

    def noise(self, accelerator: str) -> Noise:
        """The spread of repeats on an accelerator type."""
        known: dict[str, tuple[float, ...]] = dict(self._state.repeats.get(accelerator, {}))
        known |= {e: values for (kind, e), values in self.repeats.items() if kind == accelerator}
        return pooled_noise(known.values())


def baseline_crashes(draft: Draft) -> list[str]:
    """The accelerator types on which the newest baseline crashes."""
    newest = next((e for e in reversed(list(draft.experiments.values())) if e.is_baseline), None)
    if newest is None or newest.runs_judged == 0:
        return []
    found = [each for each in draft.judgements.values() if each.experiment == newest.id]
    return [each.accelerator for each in found if each.verdict is Verdict.CRASH]


def leading_accelerator(clusters: Sequence[Cluster], judged: Sequence[str]) -> str | None:
    """The accelerator type that most clusters have; of several, the one that came first.

    Where there is no cluster, the first one that something was judged on.
    """
    present = [c for c in clusters if c.status is not ClusterStatus.GONE]
    # What one is given that is still coming up may be another type than it asks for.
    there = [c.accelerator for c in present if c.up_at is not None] or [
        c.accelerator for c in present
    ]
    return max(dict.fromkeys(there), key=there.count, default=next(iter(judged), None))


def _place(run: Run) -> str:
    return f"on {run.cluster}" if run.cluster else f"seed {run.seed}"
