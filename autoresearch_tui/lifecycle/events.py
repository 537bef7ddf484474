"""What the heart is told: facts from backends, researchers, the operator and the clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autoresearch_tui.domain import ApprovalMode, ClusterStatus, Experiment, RunStatus, Turn


class Answer(StrEnum):
    """What a submission was answered."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The cluster surely did not take it."""
    UNFIT = "unfit"
    """It was never sent: what the experiment consists of cannot be laid out."""
    UNKNOWN = "unknown"
    """An error, a time-out, a dead server: it may have arrived or not."""


@dataclass(frozen=True, slots=True)
class Started:
    """An engine begins; what it finds in flight is of one that may have died at any point."""

    clusters: tuple["ClusterSeen", ...] = ()


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """The runs execute another task from now on, so that nothing compares with what was before.

    `baseline` is the new starting point, and `again` holds the files of the incumbents.
    """

    fingerprint: str
    text: str
    baseline: Experiment
    again: tuple[Experiment, ...]


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Facts about the study that decide nothing, such as what the researcher does."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A proposal has been looked at: it stands on its parent, or its status is rejected.

    `follows` says that it was meant for whatever is the incumbent.
    """

    experiment: Experiment
    actor: str
    follows: bool = True


@dataclass(frozen=True, slots=True)
class TurnSeen:
    """A researcher's turn begins, costs more than it did, or ends."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class Approved:
    """Proposals may run."""

    experiments: tuple[str, ...]
    actor: str


@dataclass(frozen=True, slots=True)
class Unapproved:
    """Approved proposals are to wait again."""

    experiments: tuple[str, ...]
    actor: str


@dataclass(frozen=True, slots=True)
class Vetoed:
    """Proposals are refused."""

    experiments: tuple[str, ...]
    why: str
    actor: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An experiment, whatever of it runs, is to end."""

    experiment: str
    actor: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The operator has looked at a result that was too good to be believed, and believes it."""

    experiment: str
    actor: str


@dataclass(frozen=True, slots=True)
class RunsWanted:
    """An experiment is to have so many runs in all."""

    experiment: str
    runs: int
    why: str


@dataclass(frozen=True, slots=True)
class ModeSet:
    """Who lets proposals run has changed."""

    mode: ApprovalMode
    actor: str


@dataclass(frozen=True, slots=True)
class PrioritySet:
    """How urgent an experiment is has changed."""

    experiment: str
    priority: int
    actor: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing is to start."""

    actor: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """Things may start again."""

    actor: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The study is to end once what runs has ended; with `at_once` that ends too."""

    reason: str
    actor: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """This engine is to end with the exit code `code`; another one goes on later, or never."""

    reason: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class Rebased:
    """The edits of an experiment stand on another parent; `facts` are the fields that follow."""

    experiment: str
    parent: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unfit:
    """The files of an experiment are gone, or its edits no longer apply to `parent`."""

    experiment: str
    why: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission was answered."""

    job: str
    cluster: str
    answer: Answer
    why: str = ""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A job is on its cluster, or surely is not."""

    job: str
    cluster: str
    found: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A job was taken out of a queue, or it was no longer there to be taken."""

    job: str
    cluster: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Done:
    """An instruction is carried out."""

    key: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An instruction could not be carried out; whether it had an effect is not known."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """What a backend says of a cluster; `price` is in dollars an hour."""

    name: str
    backend: str
    accelerator: str
    status: ClusterStatus
    note: str = ""
    price: float = 0.0
    node: str = ""


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job waits, or runs since `started_at`."""

    job: str
    cluster: str
    started_at: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has started."""
        return self.started_at is not None


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job has ended as `status`, a final one; `value` is its metric if it is to be believed."""

    job: str
    cluster: str
    status: RunStatus
    value: float | None = None
    metrics: Mapping[str, float | str] = field(default_factory=dict[str, float | str])
    why: str = ""
    exit_code: int | None = None
    started_at: float | None = None
    ended_at: float | None = None


Event = (
    Started
    | TaskChanged
    | Ticked
    | Noted
    | Admitted
    | TurnSeen
    | Approved
    | Unapproved
    | Vetoed
    | Cancelled
    | Accepted
    | RunsWanted
    | ModeSet
    | PrioritySet
    | Paused
    | Resumed
    | Stopped
    | Leaving
    | Rebased
    | Unfit
    | Submitted
    | LookedUp
    | Withdrawn
    | Done
    | Failed
    | ClusterSeen
    | JobSeen
    | JobEnded
)
