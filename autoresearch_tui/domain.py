"""The nouns of a study: frozen values, their states, and which transitions are legal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

HEARTBEAT_LIMIT = 10.0
"""Seconds without a sign of life after which an engine counts as dead."""

AGAIN = "again"
"""Origin of the files of an incumbent, measured again because the task has changed."""

Scalar = bool | int | float | str
"""A value that a constant of an editable file can take."""


class StudyStatus(StrEnum):
    """What the engine of a study is asked to do."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"


class ApprovalMode(StrEnum):
    """Who lets a proposal run: nobody, a countdown that can be vetoed, or the operator."""

    AUTO = "auto"
    VETO = "veto"
    MANUAL = "manual"


class ExperimentStatus(StrEnum):
    """Where an experiment stands in its life."""

    PROPOSED = "proposed"
    REJECTED = "rejected"
    VETOED = "vetoed"
    QUEUED = "queued"
    RUNNING = "running"
    JUDGED = "judged"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    SET_ASIDE = "set_aside"

    @property
    def is_final(self) -> bool:
        """Whether it ended without a verdict; a judged one may be measured again."""
        return self in _CLOSED

    @property
    def is_live(self) -> bool:
        """Whether a verdict is still to come."""
        return self is not ExperimentStatus.JUDGED and not self.is_final


class Verdict(StrEnum):
    """What the judge said of an experiment; the first three are karpathy's statuses."""

    KEEP = "keep"
    DISCARD = "discard"
    CRASH = "crash"
    INCONCLUSIVE = "inconclusive"


class RunStatus(StrEnum):
    """Where one execution of an experiment stands."""

    PENDING = "pending"
    SUBMITTING = "submitting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    STOPPED_EARLY = "stopped_early"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self in _ENDS


class RunKind(StrEnum):
    """What a run is for."""

    BASELINE = "baseline"
    SCREEN = "screen"
    REPEAT = "repeat"
    CONFIRM = "confirm"


class Blame(StrEnum):
    """Whose fault the end of a run was: its own code's, its machine's, or somebody decided it."""

    EXPERIMENT = "experiment"
    CLUSTER = "cluster"
    STUDY = "study"


class ClusterStatus(StrEnum):
    """Where a cluster stands; only an `UP` one takes jobs."""

    PROVISIONING = "provisioning"
    SETTING_UP = "setting_up"
    UP = "up"
    DRAINING = "draining"
    FAILED = "failed"
    STOPPED = "stopped"
    GONE = "gone"


_CLOSED = frozenset(
    {
        ExperimentStatus.REJECTED,
        ExperimentStatus.VETOED,
        ExperimentStatus.SUPERSEDED,
        ExperimentStatus.CANCELLED,
        ExperimentStatus.SET_ASIDE,
    }
)

_ENDS = frozenset(
    {
        RunStatus.SUCCEEDED,
        RunStatus.FAILED,
        RunStatus.TIMED_OUT,
        RunStatus.STOPPED_EARLY,
        RunStatus.CANCELLED,
        RunStatus.LOST,
    }
)


@dataclass(frozen=True, slots=True)
class ConstantEdit:
    """Give the ALL_CAPS constant `name` of `file` the literal `value`."""

    file: str
    name: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class ReplaceEdit:
    """Replace the text `search`, which stands exactly once in `file`, by `replace`."""

    file: str
    search: str
    replace: str


Edit = ConstantEdit | ReplaceEdit


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a researcher asks to try, before the engine has looked at it.

    `parent` is an experiment id, or None for the incumbent at the time of validation, and
    `accelerator` the only type that it is to run on, if there is one.
    """

    title: str
    hypothesis: str
    edits: tuple[Edit, ...]
    parent: str | None = None
    expected: str = ""
    priority: int = 0
    accelerator: str | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """One proposed change, its life and its verdict. Times are Unix seconds.

    `value` is the mean metric over the runs that succeeded and `gain` how much better it is than
    the incumbent it was judged against (positive is better, in the metric's unit). `constants`
    holds every constant of the editable files as the experiment sets them. `digest` is the hash
    of the normalised files, by which duplicates are found. `approve_at` is when a proposal under
    the `veto` mode goes ahead by itself. `pinned` is the only accelerator type that it may run on,
    if it is bound to one; `accelerator` the one that `value`, `gain` and `verdict` are of. The
    verdict is of `runs_judged` runs, and wanted are `runs_wanted`. `origin` is who proposed it, in
    the researcher's turn `turn` if it was one.
    """

    id: str
    number: int
    wave: int
    status: ExperimentStatus
    title: str
    hypothesis: str
    origin: str
    created_at: float
    edits: tuple[Edit, ...] = ()
    parent: str | None = None
    expected: str = ""
    priority: int = 0
    commit: str | None = None
    digest: str | None = None
    constants: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    lines_added: int = 0
    lines_removed: int = 0
    runs_wanted: int = 1
    runs_judged: int = 0
    pinned: str | None = None
    approve_at: float | None = None
    verdict: Verdict | None = None
    certified: bool = False
    value: float | None = None
    gain: float | None = None
    accelerator: str | None = None
    why: str = ""
    judged_at: float | None = None
    is_best: bool = False
    turn: int | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether this is the study's unchanged starting point."""
        return self.parent is None and not self.edits


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of an experiment on one cluster. Times are Unix seconds.

    `commit` is what it executes, and `attempt` counts the tries to have it executed, of which
    `losses` had begun; the job of the newest try has the name `job`. `cost` is in dollars.
    `metrics` holds the summary that the run printed, names as printed. `why` says in one line what
    went wrong, if anything did, and `blame` whose fault that was.
    """

    id: str
    experiment: str
    ordinal: int
    status: RunStatus
    seed: int
    created_at: float
    cluster: str | None = None
    accelerator: str | None = None
    submitted_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    value: float | None = None
    metrics: Mapping[str, float | str] = field(default_factory=dict[str, float | str])
    why: str = ""
    kind: RunKind = RunKind.SCREEN
    attempt: int = 1
    losses: int = 0
    commit: str | None = None
    node: str = ""
    cost: float = 0.0
    blame: Blame | None = None

    @property
    def job(self) -> str:
        """The name of its job. Each attempt has its own: a late word of an earlier one is known."""
        return self.id if self.attempt == 1 else f"{self.id}.{self.attempt}"

    @property
    def seconds(self) -> float | None:
        """How long it was executed; None while it has not begun or not ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at

    @property
    def counts(self) -> bool:
        """Whether it counts among those that its experiment wanted."""
        return self.status not in (RunStatus.CANCELLED, RunStatus.LOST)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge said of an experiment on one accelerator type; the newest word of `runs` runs.

    `value` is the mean metric and `gain` how much better than the incumbent of that type it is.
    """

    experiment: str
    accelerator: str
    verdict: Verdict
    runs: int
    value: float | None
    gain: float | None
    why: str
    judged_at: float
    is_best: bool = False
    certified: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A verdict as a table shows it; `memory_mb` is the most that a run of it had.

    With `is_of_old_task` it does not compare with those of the present task.
    """

    experiment: str
    title: str
    commit: str
    verdict: Verdict
    value: float | None
    accelerator: str | None
    memory_mb: float
    is_of_old_task: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest that a run said of itself.

    `fraction` is 0 to 1 of its budget, `remaining` in seconds.
    """

    run: str
    fraction: float
    step: int
    loss: float | None
    remaining: float | None
    line: str
    updated_at: float


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a run's training curve: smoothed train loss (nats) at a share of the budget.

    `time` is in Unix seconds; 0 where a study of an earlier version did not write it down.
    """

    step: int
    fraction: float
    loss: float
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the output of a run's job `job` has been read, so that another engine goes on there.

    `offset` is in bytes of the output, `written` in bytes of the log file that keeps it; `state` is
    what the reader knows by then, as JSON can hold it.
    """

    run: str
    job: str
    offset: int
    written: int
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cluster:
    """One machine or allocation with one accelerator type and a first-in-first-out queue.

    `note` is the newest thing to know of it, such as what its set-up does or why it failed.
    `price` is in dollars an hour, `cost` in dollars until `billed_at`. A `suspected` one gets no
    more jobs; the text says why.
    """

    name: str
    backend: str
    accelerator: str
    status: ClusterStatus
    created_at: float
    note: str = ""
    price: float = 0.0
    up_at: float | None = None
    updated_at: float = 0.0
    node: str = ""
    cost: float = 0.0
    billed_at: float | None = None
    suspected: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One time that a researcher was asked for proposals. Times are Unix seconds.

    `wanted` proposals were asked for, and `admitted` stood up to validation. `cost` is in dollars.
    `instructions` is the version of the brief that it worked by, and `outcome` says why it ended
    without the proposals that were wanted, if it did.
    """

    id: int
    researcher: str
    wanted: int
    started_at: float
    ended_at: float | None = None
    admitted: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    instructions: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of a researcher's reasoning, grouped by the turn that it belongs to."""

    seq: int
    turn: int
    time: float
    researcher: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """One version of the notepad that operator and researchers share; the number 0 is none yet."""

    version: int
    time: float
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the study's record: who did what to what, when."""

    seq: int
    time: float
    kind: str
    actor: str
    subject: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Noise:
    """The spread of repeats of one configuration on one accelerator type.

    `sd` is None until there are two results; `count` results went into it, with `freedom` degrees
    of freedom between them.
    """

    sd: float | None
    count: int
    freedom: int = 0


@dataclass(frozen=True, slots=True)
class Study:
    """One search, as the database describes it. Times are Unix seconds.

    `deadline` is when the wall-clock budget ends. `engine_pid` is of the newest engine, alive or
    not, and `heartbeat_at` when it last said that it lives. `confinement` says what its runs can
    reach. `alarm` is what the operator must know, empty when nothing; `task_hash` is of the task
    that its runs execute; results from before `task_since` are of another one, if it has changed.
    """

    tag: str
    repository: str
    base_commit: str
    metric: str
    minimize: bool
    status: StudyStatus
    approval: ApprovalMode
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    end_reason: str = ""
    researcher: str = ""
    researcher_state: str = ""
    max_experiments: int | None = None
    deadline: float | None = None
    budget_usd: float | None = None
    spent_usd: float = 0.0
    noise_sd: float | None = None
    engine_pid: int | None = None
    heartbeat_at: float | None = None
    confinement: str = ""
    alarm: str = ""
    task_hash: str = ""
    task_since: float = 0.0

    def silence(self, now: float) -> float:
        """Seconds since the engine last said that it lives, or since the study was made."""
        return now - (self.created_at if self.heartbeat_at is None else self.heartbeat_at)

    def is_alive(self, now: float) -> bool:
        """Whether an engine says that it runs the study."""
        if self.status is StudyStatus.FINISHED or self.heartbeat_at is None:
            return False
        return self.silence(now) < HEARTBEAT_LIMIT
