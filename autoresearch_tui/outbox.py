"""What the engine has decided to have done outside itself, on record until it is done."""

from dataclasses import dataclass
from enum import StrEnum

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0


class Do(StrEnum):
    """What is to be done; a second time does no harm."""

    SUBMIT = "submit"
    """Put a run into the queue of its cluster."""
    FIND = "find"
    """Look up whether a run, whose submission was not answered, is on its cluster."""
    WITHDRAW = "withdraw"
    """Take a run out of its cluster's queue."""
    CANCEL = "cancel"
    """End a run, running or not."""
    EVICT = "evict"
    """End a job that should not be where it is."""
    FORGET = "forget"
    """Remove an ended job from its cluster."""
    PUBLISH = "publish"
    """Tell git and the table of results what came out of an experiment."""
    COMBINE = "combine"
    """Propose what would have a kept experiment and all that it was kept without."""
    WAKE = "wake"
    """Bring a cluster up again that went down for want of work."""
    REBASE = "rebase"
    """Put an experiment that has not started onto a new parent."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing to do with `subject`: a run, a job or an experiment, by what it is to do.

    `target` is the cluster, or the parent of a rebase. Not before `not_before` (Unix seconds); it
    failed `tries` times, the last time because of `text`.
    """

    do: Do
    subject: str
    target: str = ""
    text: str = ""
    not_before: float = 0.0
    tries: int = 0

    @property
    def key(self) -> str:
        """What makes it one of a kind: another one with this key replaces it."""
        place = f" {self.target}" if self.do in (Do.EVICT, Do.FORGET) else ""
        return f"{self.do} {self.subject}{place}"


def pause_after(tries: int) -> float:
    """Seconds before what has failed `tries` times is tried again."""
    return min(_FIRST_PAUSE * 2 ** min(tries - 1, 10), _LONGEST_PAUSE)
