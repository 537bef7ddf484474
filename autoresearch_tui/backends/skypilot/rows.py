"""What a cluster's job table says of a study's jobs: a function of values."""

import json
import signal
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoresearch_tui.backends.base import JobState, JobStatus
from autoresearch_tui.backends.skypilot.script import (
    CUT_OFF,
    NO_SPACE,
    NOT_READY,
    SETUP,
    WORKER,
    name_of,
)

STUCK_SECONDS = 90.0
"""For which a job may be on its way into the queue; one whose server died stays there."""

_OVER = ("SUCCEEDED", "FAILED", "FAILED_SETUP", "FAILED_DRIVER", "CANCELLED")

_NO_FAULT_OF_ITS_OWN = {
    NOT_READY: "its cluster's set-up is not proved",
    NO_SPACE: "its cluster has no room for its files",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a cluster's job table, and what its job has left beside it.

    `status` is SkyPilot's word. `marks` are the texts of the small files that the job and we write
    about it; `here` says whether its own files still lie there. `spooled` is one that a worker
    executes, whose number `job` is then. Times are Unix seconds of the cluster's clock.
    """

    job: int
    key: str
    status: str
    submitted_at: float
    end_at: float | None = None
    exit_codes: str | None = None
    marks: Mapping[str, str] = field(default_factory=dict[str, str])
    here: bool = True
    spooled: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has left the cluster's queue."""
        return self.status in _OVER

    @property
    def is_known(self) -> bool:
        """Whether it is a job of ours: not withdrawn, no second submission, not forgotten."""
        if "withdrawn" in self.marks or "twin" in self.marks:
            return False
        return self.here or not self.is_over


def rows_of(news: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    """The rows that a cluster's agent has written down."""
    return tuple(Row(**each) for each in news)


def is_between(rows: Sequence[Row]) -> bool:
    """Whether one job has ended and the next, which waits, has not begun."""
    rest = [row for row in jobs_of(rows).values() if not row.is_over and row.status != "INIT"]
    if worker_of(rows, 0):
        return False
    return bool(rest) and all("begun" not in row.marks or "end" in row.marks for row in rest)


def worker_of(rows: Sequence[Row], first: int) -> str:
    """The key of the worker that comes first among a cluster's jobs from number `first` on."""
    workers = (row for row in rows if name_of(row.key) == WORKER and row.job >= first)
    return next((row.key for row in workers if not row.is_over and row.status != "INIT"), "")


def jobs_of(rows: Sequence[Row]) -> dict[str, Row]:
    """The row of each job by its name: the one that runs, or ran, or else will run first.

    What keeps a cluster going is none.
    """
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.is_known and name_of(row.key) not in (SETUP, WORKER):
            found[name_of(row.key)].append(row)
    return {
        name: next((row for row in its if "begun" in row.marks), its[0])
        for name, its in found.items()
    }


def seconds_of(row: Row) -> float | None:
    """How long a job took; None unless it has ended well."""
    began, ended, code = _times(row, 0.0)
    return ended - began if code == 0 and ended is not None and began is not None else None


def state_of(row: Row, cluster: str, skew: float, first: int, now: float) -> JobState:
    """How a job stands.

    `skew` is to be added to the cluster's times. Jobs before number `first` are of an allocation
    that is gone. `now` is in Unix seconds, ours.
    """
    began, ended, code = _times(row, skew)
    status, why = _status(row, first, now - skew, code)
    if status.is_final and ended is None:
        ended = row.end_at + skew if row.end_at is not None else began
    signalled = code is not None and code > 128 and status is JobStatus.FAILED
    shown = code if status in (JobStatus.SUCCEEDED, JobStatus.FAILED) and not signalled else None
    return JobState(
        name=name_of(row.key),
        cluster=cluster,
        status=status,
        submitted_at=row.submitted_at + skew,
        started_at=began,
        ended_at=ended if status.is_final else None,
        exit_code=shown,
        why=row.marks.get("why", "").strip() or why,
    )


def _status(row: Row, first: int, now: float, code: int | None) -> tuple[JobStatus, str]:
    marks = row.marks
    if "cancelled" in marks:
        return JobStatus.CANCELLED, "cancelled before it began"
    if not row.is_over and row.job < first:
        return JobStatus.LOST, "its allocation is gone"
    if "end" in marks and (row.is_over or _has_waited(marks["end"], now)):
        return _ended(code)
    if not row.is_over:
        is_running = "begun" in marks
        return (JobStatus.RUNNING if is_running else JobStatus.QUEUED), ""
    if row.status == "CANCELLED":
        return JobStatus.CANCELLED, "cancelled on its cluster"
    if row.status in ("SUCCEEDED", "FAILED") and "begun" in marks and code is not None:
        return _ended(code)
    if row.status in ("SUCCEEDED", "FAILED") and code in _NO_FAULT_OF_ITS_OWN:
        return JobStatus.LOST, _NO_FAULT_OF_ITS_OWN[code]
    if row.spooled and row.status == "FAILED_DRIVER":
        return JobStatus.LOST, "its cluster's worker has ended"
    return JobStatus.LOST, f"SkyPilot says {row.status}, and it has left no word of its end"


def _has_waited(end: str, now: float) -> bool:
    """Whether a job has told its end so long ago that SkyPilot has missed it."""
    _, ended = _end(end)
    return ended is not None and now - ended > 30.0


def _ended(code: int | None) -> tuple[JobStatus, str]:
    if code == 0:
        return JobStatus.SUCCEEDED, ""
    if code == CUT_OFF:
        return JobStatus.TIMED_OUT, "stopped at its time limit"
    if code in _NO_FAULT_OF_ITS_OWN:
        return JobStatus.LOST, _NO_FAULT_OF_ITS_OWN[code]
    if code is not None and code > 128 and (name := _signal(code - 128)):
        return JobStatus.FAILED, f"killed by {name}"
    return JobStatus.FAILED, ""


def _times(row: Row, skew: float) -> tuple[float | None, float | None, int | None]:
    """When a job began and ended by our clock, and its exit code, as far as they are known."""
    began = _number(row.marks.get("begun", ""))
    code, ended = _end(row.marks.get("end", ""))
    if code is None and row.is_over:
        # The disk may have been too full to take a job's own word down.
        code = _exit_code(row.exit_codes)
        code = 0 if code is None and row.status == "SUCCEEDED" else code
    return (
        None if began is None else began + skew,
        None if ended is None else ended + skew,
        code,
    )


def _exit_code(text: str | None) -> int | None:
    """The code in SkyPilot's column: a list of one for each node, or one alone."""
    found: int | list[int] | None = json.loads(text) if text else None
    if isinstance(found, list):
        return found[0] if found else None
    return found


def _end(text: str) -> tuple[int | None, float | None]:
    code, _, time = text.partition(" ")
    return (int(code) if code.strip().isdigit() else None), _number(time)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
