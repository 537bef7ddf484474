"""When the passing of time alone decides something."""

from autoresearch_tui.domain import ExperimentStatus, StudyStatus
from autoresearch_tui.lifecycle.state import State


def next_due(state: State, now: float) -> float | None:
    """The nearest time after `now` (Unix seconds) at which a tick may change something."""
    times = [later for later, _ in state.memory.holdoffs.values()]
    if state.memory.leaving is not None:
        times.append(state.memory.leave_by)
    if state.study.deadline is not None:
        times.append(state.study.deadline)
    if state.study.status is StudyStatus.RUNNING:
        times += [
            each.approve_at
            for each in state.experiments.values()
            if each.status is ExperimentStatus.PROPOSED and each.approve_at is not None
        ]
    return min((at for at in times if at > now), default=None)
