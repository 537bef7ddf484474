"""What researchers do, and what their thinking costs."""

from dataclasses import replace

from autoresearch_tui.lifecycle.events import TurnSeen
from autoresearch_tui.lifecycle.state import Draft


def seen(draft: Draft, event: TurnSeen) -> None:
    """Put a turn on record; what it has cost since it was last seen is spent."""
    before = draft.turns.get(event.turn.id)
    cost = event.turn.cost - (before.cost if before is not None else 0.0)
    draft.turns[event.turn.id] = event.turn
    if cost > 0.0:
        draft.put_study(spent_usd=draft.study.spent_usd + cost)


def close_all(draft: Draft) -> None:
    """End the turns of an engine that died in them."""
    for turn in list(draft.turns.values()):
        ended = replace(turn, ended_at=draft.now, outcome="cut off: the engine ended")
        draft.turns[turn.id] = ended
