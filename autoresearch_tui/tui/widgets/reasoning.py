"""What the researcher thinks, as it thinks it."""

import time
from collections.abc import Sequence

from autoresearch_tui.domain import Event, Thought
from autoresearch_tui.tui.widgets.lines import Lines

_STYLES = {"table": "$primary", "thinking": "$quiet italic"}

_TOLD = {
    "experiment.judged": "$foreground",
    "experiment.rejected": "$error",
    "experiment.vetoed": "$warning",
    "study.paused": "$warning",
    "study.running": "$success",
    "approval": "$accent",
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

    def add(self, thoughts: Sequence[Thought], events: Sequence[Event]) -> None:
        """Append what is new, in the order in which it happened."""
        told = [e for e in events if e.kind in _TOLD]
        items = sorted([*thoughts, *told], key=lambda item: item.time)
        lines: list[tuple[str, str]] = []
        for item in items:
            lines += self._thought(item) if isinstance(item, Thought) else [_verdict(item)]
        if lines:
            self.write(lines)

    def _thought(self, thought: Thought) -> list[tuple[str, str]]:
        lines: list[tuple[str, str]] = []
        if thought.turn != self._turn:
            self._turn = thought.turn
            clock = time.strftime("%H:%M:%S", time.localtime(thought.time))
            lines.append((f"── {clock} {thought.researcher}, turn {thought.turn}", "$accent"))
        style = _STYLES.get(thought.kind, "")
        return [*lines, *((line, style) for line in thought.text.splitlines())]


def _verdict(event: Event) -> tuple[str, str]:
    word = event.kind.removeprefix("experiment.").removeprefix("study.")
    text = event.text if event.kind == "experiment.judged" else f"{word} {event.text}"
    return f"→ {event.subject} {text}".replace("  ", " "), _TOLD[event.kind]
