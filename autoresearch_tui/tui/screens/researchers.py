"""The researchers: what has come of whose proposals, every turn as it was thought, the notepad."""

import asyncio
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from autoresearch_tui.domain import Turn
from autoresearch_tui.judge.yields import yields
from autoresearch_tui.researcher_lines import turn_page, yield_table
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.feed import Source
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.lines import Lines
from autoresearch_tui.tui.words import thought_style

_REFRESH_SECONDS = 2.0
_FOLDED = 4
"""Lines that are left of a thought that is folded."""


class ResearchersScreen(ModalScreen[None]):
    """Turns on the left, newest first; the chosen one, or the notepad, on the right."""

    DEFAULT_CSS = """
    ResearchersScreen #origins { height: auto; max-height: 7; color: $quiet; }
    ResearchersScreen OptionList {
        width: 40; height: 1fr; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """
    BINDINGS = [
        Binding("j", "down", "next turn", show=False),
        Binding("k", "up", "turn before", show=False),
        Binding("p", "notepad", "notepad"),
        Binding("f", "fold", "fold"),
        Binding("tab", "app.focus_next", "pane", show=False),
        Binding("escape,r,q", "dismiss(None)", "back"),
    ]

    def __init__(self, feed: Source, view: View) -> None:
        super().__init__()
        self._feed = feed
        self._view = view
        self._turns: Sequence[Turn] = ()
        self._is_folded = True
        self._shows_notepad = False

    def compose(self) -> ComposeResult:
        """A table over two panes."""
        with Vertical(classes="page"):
            yield Label("", id="origins", markup=False)
            with Horizontal():
                yield OptionList()
                yield Lines(id="turn", empty="no turn yet")
            yield Label("j k turns  f folds thinking  p notepad  tab  esc", classes="hint")

    async def on_mount(self) -> None:
        """Read the turns, and again as they go on."""
        await self._refresh()
        self.set_interval(_REFRESH_SECONDS, self._refresh)

    async def _refresh(self) -> None:
        turns = await asyncio.to_thread(self._feed.turns)
        if not self.is_attached or turns == self._turns:
            return
        listed = self.query_one(OptionList)
        was, count = listed.highlighted, len(turns) - len(self._turns)
        self._turns = turns
        found = yields(self._view.experiments, self._view.runs.values(), turns)
        self.query_one("#origins", Label).update("\n".join(yield_table(found)))
        listed.set_options([Option(_line(turn), id=str(turn.id)) for turn in reversed(turns)])
        if turns:
            # New ones come on top; the cursor stays on its turn.
            listed.highlighted = 0 if was is None else min(was + count, len(turns) - 1)
        await self._show()

    async def on_option_list_option_highlighted(self) -> None:
        """Show the turn that the cursor is on."""
        self._shows_notepad = False
        await self._show()

    async def _show(self) -> None:
        at = self.query_one(OptionList).highlighted
        if self._shows_notepad or at is None:
            return
        turn = self._turns[len(self._turns) - 1 - at]
        thoughts = await asyncio.to_thread(self._feed.thoughts_of, turn.id)
        lines = [(line, thought_style(line)) for line in turn_page(turn, thoughts)]
        self._write(f"turn {turn.id}", _folded(lines) if self._is_folded else lines)

    def _write(self, title: str, lines: list[tuple[str, str]]) -> None:
        pane = self.query_one("#turn", Lines)
        if pane.border_title != title:
            pane.scroll_home(animate=False)
        pane.entitle(title)
        pane.replace(lines)

    def action_down(self) -> None:
        """To the turn before in time."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """To the turn after in time."""
        self.query_one(OptionList).action_cursor_up()

    async def action_fold(self) -> None:
        """Show whole thoughts, or their beginnings."""
        self._is_folded = not self._is_folded
        await self._show()

    async def action_notepad(self) -> None:
        """Show the notepad, or the turn again."""
        self._shows_notepad = not self._shows_notepad
        if not self._shows_notepad:
            await self._show()
            return
        note = await asyncio.to_thread(self._feed.notepad)
        text = note.text or "nobody has written anything yet"
        by = f", by {note.actor}" if note.actor else ""
        self._write(f"notepad, version {note.version}{by}", [(t, "") for t in text.splitlines()])


def _line(turn: Turn) -> Content:
    took = "…" if turn.ended_at is None else duration(turn.ended_at - turn.started_at)
    cost = f" ${turn.cost:.2f}" if turn.cost else ""
    given = f"{turn.admitted}/{turn.wanted}"
    style = "$warning" if turn.outcome else ""
    return Content.assemble(
        (f"{turn.id:>5} ", "$quiet"),
        (f"{turn.researcher:<14.14} ", style),
        f"{given:>6} {took:>7}{cost}",
    )


def _folded(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Thoughts cut to their first lines; what was said and called stays whole."""
    found: list[tuple[str, str]] = []
    in_thought = cut = 0
    for text, style in lines:
        if text.startswith("~ "):
            in_thought, cut = 1, 0
        elif in_thought and text.startswith("  "):
            in_thought += 1
            if in_thought > _FOLDED:
                cut += 1
                continue
            style = thought_style("~")
        else:
            if cut:
                found.append((f"  … {cut} more lines (f)", "$quiet"))
            in_thought = cut = 0
        found.append((text, style))
    return found
