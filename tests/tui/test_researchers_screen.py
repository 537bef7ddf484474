"""Turns of researchers, read again."""

import time

from textual.widgets import Label, OptionList

from autoresearch_tui.domain import Turn
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.screens.researchers import ResearchersScreen
from tests.tui.test_cockpit import cockpit, paths, screen_text, store, until

__all__ = ["paths", "store"]


def think(store: Writer, turn: int, researcher: str, *pieces: tuple[str, str]) -> None:
    now = time.time()
    store.put_turn(Turn(turn, researcher, 2, now, now + 9, 1, 100, 10, 0.25))
    for kind, text in pieces:
        store.add_thought(turn, researcher, kind, text)


async def test_turns_are_read_again_thoughts_folded_until_asked(paths: StudyPaths, store: Writer):
    long = "\n".join(f"thought {line}" for line in range(9))
    think(store, 1, "llm", ("thinking", long), ("says", "I propose a grid."))
    think(store, 2, "optimizer", ("text", "LR 0.1 to 0.2"))
    store.add_note("maria", "LR: enough of it")
    app = cockpit(paths)
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ResearchersScreen))
        await until(pilot, lambda: "LR 0.1 to 0.2" in screen_text(app))
        await pilot.press("j")
        await until(pilot, lambda: "I propose a grid." in screen_text(app))
        assert "thought 3" in screen_text(app)
        assert "thought 4" not in screen_text(app)
        assert "5 more lines" in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: "thought 8" in screen_text(app))
        await pilot.press("p")
        await until(pilot, lambda: "LR: enough of it" in screen_text(app))
        assert "notepad, version 1, by maria" in screen_text(app)
        await pilot.press("p", "k")
        await until(pilot, lambda: "LR 0.1 to 0.2" in screen_text(app))
        think(store, 3, "llm", ("says", "And another."))
        listed = app.screen.query_one(OptionList)
        await until(pilot, lambda: listed.option_count == 3)
        # The cursor stays on its turn when another comes.
        assert listed.highlighted == 1
        table = app.screen.query_one("#origins", Label)
        assert "llm" in str(table.render())
        await pilot.press("escape")
        assert app.screen is app.main
