"""The study's own row: its first one, and how settings change it."""

from collections.abc import Sequence
from pathlib import Path

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import Study, StudyStatus
from autoresearch_tui.errors import StudyError
from autoresearch_tui.researchers.base import Researcher
from autoresearch_tui.store import Reader, Writer


def find_study(store: Reader) -> Study | None:
    """The study's row, if an engine has ever run here."""
    try:
        return store.study()
    except StudyError:
        return None


def check_same(study: Study, settings: Settings) -> None:
    """Refuse settings that would change what the numbers of a study mean.

    Raises:
        StudyError: the tag, the metric or its direction is another.
    """
    wanted = settings.study
    for key, then, now in (
        ("tag", study.tag, wanted.tag),
        ("metric", study.metric, wanted.metric),
        ("minimize", study.minimize, wanted.minimize),
    ):
        if then != now:
            raise StudyError(
                f"study.{key} is {now!r}, but this study began with {then!r}; set it back, "
                "or begin another study in another directory"
            )


def write_study(store: Writer, settings: Settings, root: Path, base: str, now: float) -> None:
    """Create the study's row."""
    study = Study(
        tag=settings.study.tag,
        repository=str(root),
        base_commit=base,
        metric=settings.study.metric,
        minimize=settings.study.minimize,
        status=StudyStatus.RUNNING,
        approval=settings.approval.mode,
        created_at=now,
    )
    store.create_study(study)


def apply_limits(store: Writer, settings: Settings, now: float, given: frozenset[str]) -> None:
    """Bring the study's row up to the settings; a limit of the last start holds until it ended.

    `given` names the settings of the command line, which count more than what the row holds.
    """
    study, limits = store.study(), settings.limits
    is_new = study.started_at is None or study.status is StudyStatus.FINISHED
    changes: dict[str, object] = {}
    if is_new or "limits.max_experiments" in given:
        changes["max_experiments"] = limits.max_experiments
    if is_new or "limits.budget_usd" in given:
        changes["budget_usd"] = limits.budget_usd
    if is_new or "limits.max_hours" in given:
        changes["deadline"] = limits.max_hours and now + limits.max_hours * 3600
    if is_new or "approval.mode" in given:
        changes["approval"] = settings.approval.mode
    if study.status in (StudyStatus.FINISHED, StudyStatus.STOPPING):
        changes |= {"status": StudyStatus.RUNNING, "end_reason": "", "ended_at": None}
    store.change_study(**changes)


def named_together(researchers: Sequence[Researcher]) -> str:
    """Who proposes, in one line."""
    return ", ".join(each.name for each in researchers) or "none"
