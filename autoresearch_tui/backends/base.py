"""What a backend is: it knows clusters and jobs, and nothing of experiments."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import BackendError


class JobStatus(StrEnum):
    """Where a job stands on its cluster."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Its machine, or what watched over it there, went away."""

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """What to execute: `script` under bash, in a directory that holds the files of `workdir`.

    `name` is unique in a study. The backend takes `workdir` over and may move it. `time_limit` is
    in seconds, counted from the job's start; `output_limit` in bytes.
    """

    name: str
    workdir: Path
    script: str
    envs: Mapping[str, str] = field(default_factory=dict[str, str])
    time_limit: float = 900.0
    output_limit: int = 320_000_000


@dataclass(frozen=True, slots=True)
class JobState:
    """What a cluster says of a job. Times are Unix seconds.

    `exit_code` is None while it runs and where it was killed by a signal; `why` says in one line
    what ended it, if it did not end by itself.
    """

    name: str
    cluster: str
    status: JobStatus
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What a backend says of a cluster. `price` is in dollars an hour."""

    name: str
    accelerator: str
    status: ClusterStatus
    note: str = ""
    price: float = 0.0
    node: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One cluster and all the jobs that it knows, ended ones included, at one moment.

    `jobs` is None where it does not answer: what was known of them holds. `telemetry` is in words
    what its accelerators say of themselves, and how it executes jobs where that is not the usual
    way; two blanks lie between the two.
    """

    cluster: ClusterState
    jobs: tuple[JobState, ...] | None
    telemetry: str = ""


class FixedFleet:
    """Clusters that are what they are: none comes, none goes."""

    async def scale(self, accelerators: str, count: int) -> None:
        """Refuse."""
        raise BackendError(f"cannot have {count} of {accelerators}: {self._why}")

    async def drain(self, cluster: str) -> None:
        """Refuse."""
        raise BackendError(f"{cluster}: cannot go: {self._why}")

    async def replace(self, cluster: str) -> str:
        """Refuse."""
        raise BackendError(f"{cluster}: cannot be replaced: {self._why}")

    async def wake(self, cluster: str) -> None:
        """Do nothing: none sleeps."""

    _why = "slots of this machine are set by `local.slots`, or --slots, when the engine starts"


class Backend(Protocol):
    """Clusters and their first-in-first-out queues. No call blocks the event loop.

    Everything but `close` may be asked again after a crash of the caller: jobs and clusters
    outlive it. Each method raises `BackendError` when the backend refuses or does not answer.
    """

    @property
    def name(self) -> str:
        """Short name, such as `local`."""
        ...

    @property
    def confinement(self) -> str:
        """How runs are confined, in words, once started."""
        ...

    async def start(self) -> None:
        """Begin to bring the clusters up and set them up; returns before they are."""
        ...

    async def clusters(self) -> Sequence[ClusterState]:
        """All clusters, also those still coming up."""
        ...

    def watch(self) -> AsyncIterator[Sequence[Look]]:
        """Yield looks at clusters as things change, and now and then where nothing does; no end.

        There is one watcher. Where a cluster gives no answer the look says so; it never raises.
        """
        ...

    async def submit(self, cluster: str, job: Job) -> None:
        """Append `job` to the queue of `cluster`; a second time with the same name does nothing.

        Raises:
            RefusedError: it surely was not taken.
            BackendError: it may have been taken or not.
        """
        ...

    async def find(self, cluster: str, name: str) -> JobState | None:
        """The job of that name; None when it surely is not on `cluster`, and will not arrive."""
        ...

    async def withdraw(self, cluster: str, name: str) -> bool:
        """Take a job out of the queue; False when it has started, ended or is not known."""
        ...

    async def cancel(self, cluster: str, name: str) -> None:
        """End a job, running or not; does nothing when it has ended."""
        ...

    def log(self, cluster: str, name: str, offset: int) -> AsyncIterator[bytes]:
        """Yield the job's raw output from byte `offset`, as it comes, until the job has ended."""
        ...

    async def forget(self, cluster: str, name: str) -> None:
        """Remove an ended job's files from the cluster; it is no longer in `jobs`."""
        ...

    async def scale(self, accelerators: str, count: int) -> None:
        """Have `count` clusters with these accelerators; what is more finishes its run and goes.

        This, and the three below, are as good as done when they return: another engine goes on with
        what this one could not finish.

        Raises:
            BackendError: there can be no more, or no fewer, of them.
        """
        ...

    async def drain(self, cluster: str) -> None:
        """Have a cluster finish what it runs, and go.

        Raises:
            BackendError: it cannot go.
        """
        ...

    async def replace(self, cluster: str) -> str:
        """Have a cluster finish what it runs and go, and another like it come; the other's name.

        Raises:
            BackendError: it cannot go.
        """
        ...

    async def wake(self, cluster: str) -> None:
        """Bring up a cluster that went down for want of work, or have what failed tried again."""
        ...

    async def release(self) -> None:
        """Give up the clusters that this backend brought up, at the study's end."""
        ...

    async def close(self) -> None:
        """End this side; clusters and jobs go on."""
        ...
