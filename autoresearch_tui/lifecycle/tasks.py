"""Another task: what has been measured stays on record, and is compared to nothing any more."""

from dataclasses import replace

from autoresearch_tui.domain import Experiment, ExperimentStatus, RunStatus
from autoresearch_tui.lifecycle.deciding import admitted
from autoresearch_tui.lifecycle.events import Admitted, TaskChanged
from autoresearch_tui.lifecycle.state import Draft, is_over
from autoresearch_tui.lifecycle.trust import set_aside

_WHY = "the task changed while it was under way"


def changed(draft: Draft, event: TaskChanged) -> None:
    """Begin anew with a baseline, and measure the files of the incumbents again."""
    draft.record("task.changed", event.text)
    draft.put_study(task_hash=event.fingerprint, task_since=draft.now, noise_sd=None)
    draft.forget_repeats()
    for each in [replace(each, is_best=False) for each in draft.experiments.values()]:
        draft.put_experiment(each)
        if _is_under_way(draft, each):
            set_aside(draft, each, _WHY)
    for key, judgement in list(draft.judgements.items()):
        if judgement.is_best:
            draft.judgements[key] = replace(judgement, is_best=False)
    for accelerator in list(draft.incumbents.keys()):
        draft.incumbents.remove(accelerator)
    admitted(draft, Admitted(event.baseline, "engine", follows=False))
    for each in event.again:
        admitted(draft, Admitted(each, "engine", follows=False))
        # Somebody let it through before.
        queued = replace(each, status=ExperimentStatus.QUEUED, approve_at=None)
        draft.put_experiment(queued, "measured again: the task has changed")


def _is_under_way(draft: Draft, experiment: Experiment) -> bool:
    """Whether a part of it, or all, was measured by the task before, and it is still open."""
    if is_over(draft, experiment) or experiment.status.is_final:
        return False
    runs = [run for run in draft.runs_of(experiment.id) if run.counts]
    has_begun = any(run.status is not RunStatus.PENDING for run in runs)
    return has_begun or experiment.is_baseline or experiment.verdict is not None
