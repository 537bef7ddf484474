"""Short words for times, numbers and states, as the whole cockpit writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from autoresearch_tui.domain import Experiment, ExperimentStatus, Verdict

BARS = "▁▂▃▄▅▆▇█"
"""A cell from low to high."""


def bar(fraction: float, width: int) -> str:
    """A progress bar of `width` cells."""
    done = min(max(round(fraction * width), 0), width)
    return "━" * done + "╌" * (width - done)


def sparkline(values: Sequence[float]) -> str:
    """One cell a value, as high as its share of the highest."""
    top = max(values, default=0.0)
    return "".join(BARS[round(value / top * (len(BARS) - 1))] for value in values) if top else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state looks: a sign, a word and a colour; the sign alone tells them apart."""

    sign: str
    word: str
    style: str


_VERDICTS = {
    Verdict.KEEP: Mark("✓", "keep", "$success"),
    Verdict.DISCARD: Mark("·", "discard", "$quiet"),
    Verdict.CRASH: Mark("×", "crash", "$error"),
    Verdict.INCONCLUSIVE: Mark("~", "unclear", "$warning"),
}

_STATUSES = {
    ExperimentStatus.PROPOSED: Mark("?", "proposed", "$accent"),
    ExperimentStatus.REJECTED: Mark("⊘", "rejected", "$error"),
    ExperimentStatus.VETOED: Mark("⊘", "vetoed", "$warning"),
    ExperimentStatus.QUEUED: Mark("…", "queued", "$foreground"),
    ExperimentStatus.RUNNING: Mark("▸", "running", "$primary"),
    ExperimentStatus.JUDGED: Mark("·", "judged", "$foreground"),
    ExperimentStatus.SUPERSEDED: Mark("⊘", "stale", "$quiet"),
    ExperimentStatus.CANCELLED: Mark("⊘", "cancelled", "$quiet"),
    ExperimentStatus.SET_ASIDE: Mark("⊘", "set aside", "$warning"),
}


def mark(experiment: Experiment) -> Mark:
    """How an experiment's state looks."""
    if experiment.is_best:
        return Mark("★", "best", "$success bold")
    if experiment.status is ExperimentStatus.JUDGED and experiment.verdict is not None:
        return _VERDICTS[experiment.verdict]
    return _STATUSES[experiment.status]


_THOUGHTS = {"~": "$quiet italic", ">": "$primary", "<": "$quiet", "$": "$quiet", "!": "$warning"}


def thought_style(line: str) -> str:
    """The style of a line of a turn's page, by the sign that it begins with."""
    return _THOUGHTS.get(line[:1], "")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a line that may be left out; the higher `rank`, the sooner."""

    rank: int
    content: Content


def fit(segments: Sequence[Segment], width: int, gap: str = "  ") -> Content:
    """Join segments, leaving out those of the highest rank until they fit into `width` cells."""
    kept = list(segments)
    while len(kept) > 1 and _width(kept, gap) > width:
        kept.remove(max(reversed(kept), key=lambda segment: segment.rank))
    line = Content(gap).join([segment.content for segment in kept])
    return line.truncate(width, ellipsis=True) if line.cell_length > width else line


def _width(segments: Sequence[Segment], gap: str) -> int:
    return sum(s.content.cell_length for s in segments) + len(gap) * (len(segments) - 1)
