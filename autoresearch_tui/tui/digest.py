"""What has happened since the operator last looked, in one line; a function of pictures' values."""

from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Event, Judgement, Verdict
from autoresearch_tui.spoken import count, duration
from autoresearch_tui.tui.view import View

LEAST_AWAY = 300.0
"""Seconds of absence from which it is worth a line."""


@dataclass(frozen=True, slots=True)
class Left:
    """How the study stood when the operator left: when, in Unix seconds, and what was spent."""

    at: float
    spent: float = 0.0


def digest(view: View, left: Left | None, events: Sequence[Event], now: float) -> str:
    """The line; empty after a short absence, and where nothing has happened.

    `events` are entries of the record, of which those count that are newer than the absence.
    """
    if left is None or view.study is None or now - left.at < LEAST_AWAY:
        return ""
    rows = [row for row in view.verdict_rows if row.judged_at > left.at]
    news = [event for event in events if event.time > left.at]
    parts = [
        f"{len({row.experiment for row in rows})} tried" if rows else "nothing tried",
        *_gained(view, rows, left.at),
        *_crashed(rows),
        *_clusters(news),
    ]
    if (spent := view.study.spent_usd - left.spent) >= 0.01:
        parts.append(f"${spent:.2f}")
    return f"since you left, {duration(now - left.at)}: {', '.join(parts)}"


def _gained(view: View, rows: Sequence[Judgement], since: float) -> list[str]:
    new = {row.experiment for row in rows}
    kept = [row for row in view.gains if row.experiment in new]
    found = [f"{len(kept)} kept" if kept else "none kept"] if rows else []
    kinds = sorted({row.accelerator for row in kept})
    for kind in kinds:
        before = [r for r in view.verdict_rows if r.judged_at <= since and r.accelerator == kind]
        bests = [r.value for r in before if r.verdict is Verdict.KEEP and r.value is not None]
        now = [r.value for r in kept if r.accelerator == kind and r.value is not None]
        if bests and now:
            where = f" on {kind}" if len(view.kinds) > 1 else ""
            found.append(f"best {now[-1]:.4f} after {bests[-1]:.4f}{where}")
    return found


def _crashed(rows: Sequence[Judgement]) -> list[str]:
    crashes = [row for row in rows if row.verdict is Verdict.CRASH]
    kinds = {row.why.partition(":")[0] for row in crashes}
    if not crashes:
        return []
    of = f" of {count(len(kinds), 'kind')}" if len(crashes) > 1 else ""
    return [
        f"{count(len(crashes), 'crash') if len(crashes) == 1 else f'{len(crashes)} crashes'}{of}"
    ]


def _clusters(news: Sequence[Event]) -> list[str]:
    found: list[str] = []
    for kind, word in (("gone", "lost"), ("failed", "failed"), ("suspected", "suspected")):
        names = sorted({event.subject for event in news if event.kind == f"cluster.{kind}"})
        if names:
            shown = names[0] if len(names) == 1 else f"{len(names)} clusters"
            found.append(f"{shown} {word}")
    return found
