"""What the researcher thinks, as it thinks it."""

import time
from collections.abc import Sequence

from autoresearch_tui.domain import Event, Thought
from autoresearch_tui.tui.widgets.lines import Lines

_STYLES = {
    "table": "$primary",
    "thinking": "$quiet italic",
    "call": "$primary",
    "answer": "$quiet",
    "usage": "$quiet",
    "trouble": "$warning",
}

_FLOWS = ("thinking", "says")
"""Kinds that come in pieces: the next one goes on where the last one ended."""

_MARKS = {"call": "⚙ ", "answer": "  ", "trouble": "▲ "}

_TOLD = {
    "experiment.judged": "$foreground",
    "experiment.rejected": "$error",
    "experiment.vetoed": "$warning",
    "study.paused": "$warning",
    "study.running": "$success",
    "approval": "$accent",
    "operator.said": "$accent bold",
    "notepad.written": "$quiet",
}
"""Entries of the record that belong beside the reasoning: what came of it."""


class ReasoningPane(Lines):
    """Thoughts with a head for each turn, and between them the verdicts on what was proposed."""

    def __init__(self) -> None:
        super().__init__(
            id="reasoning", empty="the researcher has not said anything yet", follow=True
        )
        self.border_title = "2 reasoning"
        self._turn = -1
        # The turn and kind of the line that may go on.
        self._open = (-1, "")

    def add(self, thoughts: Sequence[Thought], events: Sequence[Event]) -> None:
        """Append what is new, in the order in which it happened."""
        told = [e for e in events if e.kind in _TOLD]
        items = sorted([*thoughts, *told], key=lambda item: item.time)
        lines: list[tuple[str, str]] = []
        for item in items:
            if isinstance(item, Thought):
                lines = self._add_thought(item, lines)
            else:
                self._open = (-1, "")
                lines += _told(item)
        if lines:
            self.write(lines)

    def _add_thought(self, thought: Thought, lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The lines to be written, with a thought, or the rest of a line that has begun."""
        goes_on = self._open == (thought.turn, thought.kind)
        self._open = (thought.turn, thought.kind if thought.kind in _FLOWS else "")
        if not goes_on:
            return lines + self._thought(thought)
        first, *rest = thought.text.split("\n")
        style = _STYLES.get(thought.kind, "")
        if lines:
            lines[-1] = (lines[-1][0] + first, style)
        else:
            self.amend(first)
        return [*lines, *((line, style) for line in rest)]

    def _thought(self, thought: Thought) -> list[tuple[str, str]]:
        lines: list[tuple[str, str]] = []
        if thought.turn != self._turn:
            self._turn = thought.turn
            clock = time.strftime("%H:%M:%S", time.localtime(thought.time))
            lines.append((f"── {clock} {thought.researcher}, turn {thought.turn}", "$accent"))
        style = _STYLES.get(thought.kind, "")
        mark = _MARKS.get(thought.kind, "")
        texts = (
            f"{mark}{thought.text}".split("\n")
            if thought.kind in _FLOWS
            else f"{mark}{thought.text}".splitlines()
        )
        return [*lines, *((line, style) for line in texts)]


def _told(event: Event) -> list[tuple[str, str]]:
    style = _TOLD[event.kind]
    if event.kind == "operator.said":
        first, *rest = event.text.splitlines()
        return [(f"→ {event.actor} says: {first}", style), *((line, style) for line in rest)]
    word = event.kind.rpartition(".")[2]
    text = event.text if event.kind == "experiment.judged" else f"{word} {event.text}"
    return [(f"→ {event.subject} {text}".replace("  ", " "), style)]
