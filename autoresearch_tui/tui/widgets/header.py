"""The header: whether the night's run is fine, in three lines."""

import statistics
from collections.abc import Sequence
from itertools import pairwise

from textual.content import Content

from autoresearch_tui.control import may_act
from autoresearch_tui.domain import ApprovalMode, ExperimentStatus, RunStatus, StudyStatus, Verdict
from autoresearch_tui.health import Health, Word
from autoresearch_tui.judge.claim import Claim
from autoresearch_tui.spoken import duration, percent
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.drawn import Drawn
from autoresearch_tui.tui.words import Segment, fit, sparkline

_WORDS = {
    Word.HEALTHY: ("●", "$success bold"),
    Word.STARTING: ("◌", "$warning bold"),
    Word.SLOW: ("◐", "$warning bold"),
    Word.IDLE: ("○", "$warning bold reverse"),
    Word.PAUSED: ("‖", "$warning bold"),
    Word.STOPPING: ("◌", "$warning bold"),
    Word.STUCK: ("▲", "$error bold reverse"),
    Word.TROUBLE: ("▲", "$error bold reverse"),
    Word.DEAD: ("▲", "$error bold reverse"),
    Word.FINISHED: ("■", "$primary bold"),
}

_BESIDE = (Word.PAUSED, Word.STOPPING)
"""Words whose reason is short enough to stand beside them."""

_UNDER = (Word.STARTING, Word.SLOW, Word.IDLE, Word.STUCK, Word.TROUBLE)
"""Words whose reason has the beginning of the third line."""

_RARE = 4.0
"""How many times the usual wait for a gain is worth a word."""

_BUCKETS = 8

_LONGEST_LABEL = 16
"""Cells of what a best is named by, so that the value itself is never left out for it."""


def _quiet(label: str, value: str, style: str = "$foreground") -> Content:
    return Content.assemble((f"{label} ", "$quiet"), (value, style))


def header_lines(view: View, now: float, width: int) -> list[Content]:
    """The three lines of the header, each at most `width` cells."""
    if view.study is None:
        words = view.trouble or "the engine is starting …"
        style = "$error" if view.trouble else "$quiet"
        return [
            Content.styled(words, style).truncate(width, ellipsis=True),
            Content(""),
            Content(""),
        ]
    known = view.health(now)
    assert known is not None
    return [
        fit(_result(view, known, now), width),
        fit(_work(view, now), width),
        fit(_people(view, known), width),
    ]


def _result(view: View, known: Health, now: float) -> Sequence[Segment]:
    study = view.study
    assert study is not None
    sign, style = _WORDS[known.word]
    word = Content.styled(f"{sign} {known.word}", style)
    if known.word is Word.DEAD:
        word = Content.styled(f"{sign} {known.word}: {known.reason}, E starts one", style)
    elif known.word in _BESIDE:
        word = word.append(Content.styled(f" {known.reason}", "$quiet"))
    segments = [Segment(0, word)]
    for place, leader in enumerate(view.leaders):
        # Where there are several accelerator types, values of one do not compare with another's.
        label = leader.accelerator if len(view.leaders) > 1 else study.metric
        label = label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
        value = Content.assemble(
            (f"{label} ", "$quiet"),
            (f"{leader.best.value:.4f}", "$success bold"),
            f" {leader.best.experiment}",
        )
        segments.append(Segment(1, value))
        if leader.claim is not None:
            segments.append(Segment(2 if place == 0 else 4, _claim(leader.claim)))
    if (since := _last_gain(view, now)) is not None:
        segments.append(Segment(3, since))
    if study.noise_sd:
        segments.append(Segment(7, _quiet("noise sd", f"{study.noise_sd:.4f}")))
    segments.append(Segment(5, Content.styled(study.tag, "$quiet")))
    return segments


def _claim(claim: Claim) -> Content:
    """Which gain is known, never the measured one alone: it was picked among many."""
    if claim.luck is None:
        return _quiet("gain", f"{claim.gain:.4f} measured, noise unknown", "$warning")
    if claim.beyond_luck is None:
        return Content.styled(
            f"no gain beyond luck ({claim.gain:.4f} of {claim.luck:.4f})", "$warning"
        )
    known = Content.assemble(("gain ≥", "$quiet"), (f"{claim.beyond_luck:.4f}", "$success"))
    return known.append(Content.styled(f" ({claim.gain:.4f} measured)", "$quiet"))


def _last_gain(view: View, now: float) -> Content | None:
    """When something was kept last; whether that is long ago, for this study."""
    times = [row.judged_at for row in view.gains]
    if not times:
        return None
    since = view.end(now) - times[-1]
    words = _quiet("last gain", f"{duration(since)} ago")
    waits = [after - before for before, after in pairwise(times)]
    if len(waits) >= 3 and since > _RARE * (usual := statistics.median(waits)):
        return words.append(Content.styled(f", usual {duration(usual)}", "$warning"))
    return words


def _work(view: View, now: float) -> Sequence[Segment]:
    study, verdicts = view.study, view.verdicts
    assert study is not None
    judged = sum(verdicts.values())
    limit = f"/{study.max_experiments}" if study.max_experiments else ""
    running = sum(1 for run in view.active_runs if run.status is RunStatus.RUNNING)
    rate = view.rate(now)
    kept = f"{verdicts[Verdict.KEEP]} kept, {verdicts[Verdict.CRASH]} crashed"
    segments = [
        Segment(0, _quiet("judged", f"{judged}{limit}")),
        Segment(6, Content.styled(f"({kept})", "$quiet")),
        *(
            []
            if study.status is StudyStatus.FINISHED
            else [
                Segment(1, _quiet("running", str(running))),
                Segment(3, _quiet("queued", str(view.count(ExperimentStatus.QUEUED)))),
            ]
        ),
        Segment(4, _quiet("per hour", "–" if rate is None else f"{rate:.0f}")),
        Segment(5, Content.styled(sparkline(view.rates(now, _BUCKETS)), "$primary")),
        Segment(1, _quiet("busy", percent(view.busy(now)))),
        Segment(2, _elapsed(view, now)),
    ]
    if study.spent_usd or study.budget_usd:
        budget = f"/{study.budget_usd:.0f}" if study.budget_usd else ""
        segments.append(Segment(3, _quiet("$", f"{study.spent_usd:.2f}{budget}")))
    return segments


def _elapsed(view: View, now: float) -> Content:
    study = view.study
    assert study is not None
    gone = duration(view.end(now) - (study.started_at or study.created_at))
    if study.deadline is not None and study.status is not StudyStatus.FINISHED:
        return _quiet("time", f"{gone}, {duration(study.deadline - now)} left")
    return _quiet("time", gone)


def _people(view: View, known: Health) -> Sequence[Segment]:
    study = view.study
    assert study is not None
    segments: list[Segment] = []
    if not may_act():
        segments.append(Segment(1, Content.styled("you look on", "$quiet")))
    if known.word in _UNDER:
        style = "$error bold" if known.word in (Word.STUCK, Word.TROUBLE) else "$warning bold"
        segments.append(Segment(0, Content.styled(f"▲ {known.reason}", style)))
    elif study.alarm:
        segments.append(Segment(0, Content.styled(f"▲ {study.alarm}", "$error bold")))
    if waiting := view.waiting:
        words = f"{len(waiting)} wait for approval"
        if may_act():
            words += ": w chooses, A approves, V vetoes"
        segments.append(Segment(0, Content.styled(words, "$accent bold")))
    if "NOT confined" in study.confinement:
        segments.append(Segment(3, Content.styled("▲ runs NOT confined", "$warning bold")))
    segments.append(Segment(1, _quiet("approval", study.approval, _approval(study.approval))))
    state = study.researcher_state or ("" if study.status is StudyStatus.FINISHED else "ready")
    researcher = ": ".join(part for part in (study.researcher, state) if part)
    segments.append(Segment(2, _quiet("researcher", researcher)))
    if study.end_reason and study.end_reason != study.alarm:
        segments.append(Segment(1, Content.styled(study.end_reason, "$primary")))
    return segments


def _approval(mode: ApprovalMode) -> str:
    return "$foreground" if mode is ApprovalMode.AUTO else "$accent"


class Header(Drawn):
    """The three lines."""

    def __init__(self) -> None:
        super().__init__(id="header")

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """The three lines."""
        return header_lines(view, now, width)
