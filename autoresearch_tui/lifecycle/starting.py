"""An engine begins: what it finds is of one that may have died at any point."""

from dataclasses import replace

from autoresearch_tui.domain import RunStatus
from autoresearch_tui.lifecycle import clusters, turns
from autoresearch_tui.lifecycle.deciding import renew_countdowns
from autoresearch_tui.lifecycle.events import Started
from autoresearch_tui.lifecycle.moving import plan_moves
from autoresearch_tui.lifecycle.state import Draft
from autoresearch_tui.outbox import Do, Instruction


def started(draft: Draft, event: Started) -> None:
    """Take up what is in flight; what was being submitted, its cluster knows whether it arrived."""
    for each in event.clusters:
        clusters.seen(draft, each)
    for found in list(draft.outbox.values()):
        if found.do is Do.SUBMIT:
            draft.outbox.remove(found.key)
        else:
            draft.order(replace(found, not_before=0.0))
    for runs in list(draft.runs.values()):
        for run in runs:
            if run.status is RunStatus.SUBMITTING:
                draft.order(Instruction(Do.FIND, run.id, run.cluster or ""))
    renew_countdowns(draft)
    turns.close_all(draft)
    for accelerator in list(draft.incumbents.keys()):
        if (incumbent := draft.incumbent(accelerator)) is not None:
            plan_moves(draft, incumbent, accelerator)
