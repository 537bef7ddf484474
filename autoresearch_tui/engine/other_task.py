"""A task that is not the one of the results that there are: refused, or all begins anew."""

from collections.abc import Collection

from autoresearch_tui.backends.task import Task, differing
from autoresearch_tui.domain import AGAIN, Experiment, ExperimentStatus
from autoresearch_tui.engine.baseline import new_baseline
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.study_row import find_study
from autoresearch_tui.errors import StudyError
from autoresearch_tui.lifecycle.events import TaskChanged
from autoresearch_tui.store import Reader, Writer

AGAIN_PRIORITY = 100
"""What was the best is measured first of all."""


def other_task(store: Reader, task: Task) -> str:
    """What of the task is not as it was for the results there are; empty when nothing."""
    study = find_study(store)
    if study is None or not study.task_hash or not store.has_results():
        return ""
    return ", ".join(f"`{key}`" for key in differing(study.task_hash, task.fingerprint))


def check_task(store: Reader, task: Task) -> None:
    """Refuse a task that would mix its results with those of another one.

    Raises:
        StudyError: the task is not the one that the study's runs have executed.
    """
    if changed := other_task(store, task):
        raise StudyError(
            f"{task.path}: {changed} changed since this study's runs were made, and results of two "
            "tasks do not compare; set it back, begin another study, or go on all the same with "
            "`--accept-task`"
        )


def keep_task(store: Writer, task: Task) -> None:
    """Put on record which task the runs execute, as long as none has given a result."""
    if not other_task(store, task) and store.study().task_hash != task.fingerprint:
        store.change_study(task_hash=task.fingerprint)


def heed_task(engine: Engine, kinds: Collection[str]) -> None:
    """Begin anew where the task is not the one of the results that there are.

    `kinds` are the accelerator types on which something can be measured now.
    """
    changed = other_task(engine.store, engine.task)
    if not changed:
        return
    state, number = engine.state, engine.store.next_number()
    baseline = new_baseline(engine, number)
    found = {kind: state.experiments[name] for kind, name in state.incumbents.items()}
    again = [
        _again(best, baseline, number + at, kind if len(kinds) > 1 else None, engine.clock())
        for at, (kind, best) in enumerate(found.items(), 1)
        if kind in kinds and not best.is_baseline
    ]
    text = f"goes on with another {engine.task.path.name}: {changed}; all begins anew"
    engine.tell(TaskChanged(engine.task.fingerprint, text, baseline, tuple(again)))


def _again(
    best: Experiment, baseline: Experiment, number: int, pinned: str | None, now: float
) -> Experiment:
    """The files of an incumbent, to be measured by another task."""
    return Experiment(
        id=f"e{number:04}",
        number=number,
        wave=baseline.wave,
        status=ExperimentStatus.PROPOSED,
        title=f"{best.id} again: {best.title}",
        hypothesis=f"{best.id} was the best before the task changed.",
        origin=AGAIN,
        created_at=now,
        parent=baseline.id,
        priority=AGAIN_PRIORITY,
        commit=best.commit,
        digest=best.digest,
        constants=best.constants,
        lines_added=best.lines_added,
        lines_removed=best.lines_removed,
        pinned=pinned,
    )
