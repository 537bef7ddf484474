"""Trouble that would otherwise be silent: on record, in the header, and where it must, a pause."""

import statistics

from autoresearch_tui.domain import ClusterStatus, RunStatus, StudyStatus
from autoresearch_tui.lifecycle.running import ON_CLUSTER
from autoresearch_tui.lifecycle.state import Draft

TROUBLE_SECONDS = 5.0
"""How long all clusters must have failed before the engine gives up."""

_OUT_OF_USE = (ClusterStatus.DRAINING, ClusterStatus.STOPPED, ClusterStatus.GONE)
_LEAST_DURATIONS = 3


def heed_crashes(draft: Draft) -> None:
    """Pause a study whose experiments only crash, until somebody has looked."""
    limit = draft.settings.alarms.crashes_in_a_row
    is_running = draft.study.status is StudyStatus.RUNNING
    if is_running and limit and draft.memory.crashes >= limit:
        text = f"{draft.memory.crashes} experiments crashed in a row; look, then resume"
        draft.put_study(status=StudyStatus.PAUSED, alarm=text)
        draft.record("alarm.crashes", text)


def watch(draft: Draft) -> None:
    """Raise the alarm that is due, and take back one whose cause is gone."""
    _give_up(draft)
    if draft.study.status is StudyStatus.RUNNING and draft.ending is None:
        _tell(draft, _stalled(draft) or _starved(draft))


def _tell(draft: Draft, alarm: str) -> None:
    kind = alarm.partition(":")[0]
    if kind != draft.study.alarm.partition(":")[0]:
        draft.put_study(alarm=alarm)
        draft.record("alarm" if alarm else "alarm.over", alarm or "things go on again")


def _stalled(draft: Draft) -> str:
    """That nothing has come to its end for much longer than is usual."""
    durations = draft.memory.durations
    factor = draft.settings.alarms.stalled_factor
    running = [
        run.started_at
        for runs in draft.runs.values()
        for run in runs
        if run.status is RunStatus.RUNNING and run.started_at is not None
    ]
    if not factor or len(durations) < _LEAST_DURATIONS or not running:
        return ""
    usual = statistics.median(durations)
    since = max(draft.memory.ended_at or 0.0, min(running))
    if draft.now - since <= max(factor * usual, draft.settings.alarms.least_seconds):
        return ""
    return f"stalled: no run has ended for {factor:g} times the usual {usual:.0f} s"


def _starved(draft: Draft) -> str:
    """Why clusters that are up have nothing to run."""
    up = any(cluster.status is ClusterStatus.UP for cluster in draft.clusters.values())
    has_work = any(run.status in ON_CLUSTER for runs in draft.runs.values() for run in runs)
    if not up or has_work:
        draft.remember(idle_since=None)
        return ""
    since = draft.memory.idle_since
    if since is None:
        draft.remember(idle_since=draft.now)
        return ""
    if draft.now - since < draft.settings.alarms.least_seconds:
        return ""
    waiting = sum(each.status == "proposed" for each in draft.experiments.values())
    if waiting:
        return f"nothing runs: {waiting} proposals wait for approval"
    if draft.study.researcher in ("", "none"):
        return "nothing runs: no researcher, and no proposal from outside"
    state = draft.study.researcher_state or "has proposed nothing"
    return f"nothing runs: the researcher {draft.study.researcher}: {state}"


def _give_up(draft: Draft) -> None:
    """End an engine none of whose clusters can ever start a run, once that has lasted a while."""
    clusters = [c for c in draft.clusters.values() if c.status not in _OUT_OF_USE]
    failed = [c for c in clusters if c.status is ClusterStatus.FAILED]
    busy = any(run.status in ON_CLUSTER for runs in draft.runs.values() for run in runs)
    if not failed or len(failed) < len(clusters) or busy or draft.ending is not None:
        draft.remember(failed_since=None)
        return
    since = draft.memory.failed_since
    if since is None:
        draft.remember(failed_since=draft.now)
    elif draft.now - since >= TROUBLE_SECONDS:
        names = f"{failed[0].name} … {failed[-1].name}" if len(failed) > 1 else failed[0].name
        draft.give_up(f"no cluster is left: {names}: {failed[0].note}")
