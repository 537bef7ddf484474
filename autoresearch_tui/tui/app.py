"""The cockpit as an application."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.driver import Driver
from textual.screen import Screen
from textual.widgets import Input

from autoresearch_tui.control import ACTOR, may_act
from autoresearch_tui.domain import Experiment
from autoresearch_tui.errors import ConfigError, StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.tui.ahead import TypedAhead
from autoresearch_tui.tui.commands import OPENS_A_LINE, StudyCommands
from autoresearch_tui.tui.digest import Left
from autoresearch_tui.tui.driver import hardy, redraw
from autoresearch_tui.tui.feed import Feed, Source
from autoresearch_tui.tui.keys import key_file, read_keys
from autoresearch_tui.tui.leaving import left_message
from autoresearch_tui.tui.operator import Operator
from autoresearch_tui.tui.preferences import Preferences
from autoresearch_tui.tui.replay import Replay
from autoresearch_tui.tui.screens.main import MainScreen
from autoresearch_tui.tui.screens.replay import ReplayScreen
from autoresearch_tui.tui.theme import DARK, THEMES, counterpart


class Cockpit(App[int]):
    """Shows the study at `paths`; `start` starts its engine and `diff` reads a change from git."""

    COMMANDS = {StudyCommands}
    BINDINGS = [Binding("ctrl+l", "redraw", show=False, priority=True, id="redraw")]
    ENABLE_COMMAND_PALETTE = True
    TITLE = "autoresearch-tui"

    def __init__(
        self,
        paths: StudyPaths,
        start: Callable[[], Awaitable[None]],
        diff: Callable[[Experiment], str],
        recording: Replay | None = None,
    ) -> None:
        super().__init__()
        self._feed: Source = recording or Feed(paths)
        self._preferences = Preferences(_remembered(paths))
        can_act = recording is None and may_act()
        operator = Operator(paths, start, self._tell, can_act=can_act)
        if recording is not None:
            self.main = ReplayScreen(paths, recording, operator, diff)
        else:
            self.main = MainScreen(paths, self._feed, operator, diff, self._preferences)
        self._is_live = recording is None
        self._ahead = TypedAhead()

    def get_driver_class(self) -> type[Driver]:
        """The driver for this platform, one that ends with its terminal."""
        return hardy(super().get_driver_class())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, for the themes that do not set them."""
        return {"quiet": "#7d8592", "cursor-row": "#7aa2c8 30%"}

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own, but the one that writes to the disk, which over SSH is another's."""
        found = super().get_system_commands(screen)  # pyright: ignore[reportUnknownMemberType]
        return (each for each in found if each.title != "Screenshot" or not os.environ.get(ACTOR))

    async def on_mount(self) -> None:
        """Show the screen in the theme that was chosen the last time."""
        self._leave_cleanly()
        try:
            self.set_keymap(read_keys(key_file()))
        except ConfigError as error:
            self._tell(str(error), is_error=True)
        for theme in THEMES.values():
            self.register_theme(theme)
        chosen = self._preferences.theme()
        self.theme = chosen if chosen in self.available_themes else DARK.name
        self.theme_changed_signal.subscribe(self, lambda theme: self._remember(theme.name))
        await self.push_screen(self.main)
        if not self.is_headless:
            # What is there by now stays: a full collection that goes through it holds a key up for
            # 60 ms.
            gc.freeze()
            gc.enable()

    async def on_event(self, event: events.Event) -> None:
        """Hold keys back that are meant for a line that is only being opened."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._ahead.holds(event):
                return
            if self._opens_a_line(event.key):
                self._ahead.begin()
        await super().on_event(event)

    def _opens_a_line(self, key: str) -> bool:
        if isinstance(self.focused, Input):
            return False
        found = self.screen.active_bindings.get(key)
        return found is not None and found.enabled and found.binding.action in OPENS_A_LINE

    def on_line_screen_ready(self) -> None:
        """Give a line what was typed for it already."""
        for key in self._ahead.take():
            if self.focused is not None:
                self.focused._forward_event(key)  # pyright: ignore[reportPrivateUsage]

    def _leave_cleanly(self) -> None:
        """Give the terminal back as it was on every signal that ends a process."""
        loop = asyncio.get_running_loop()
        # In tests the loop may stand in another thread, which receives no signals.
        with contextlib.suppress(RuntimeError, ValueError):
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                loop.add_signal_handler(number, self.exit, 128 + number, 128 + number)

    def _remember(self, theme: str) -> None:
        if not self._preferences.remember_theme(theme):
            self._tell("The theme cannot be remembered: the study's disk refuses", is_error=True)

    def _tell(self, message: str, *, is_error: bool = False) -> None:
        self.notify(
            message,
            severity="error" if is_error else "information",
            markup=False,
            timeout=8 if is_error else 3,
        )

    def copy_to_clipboard(self, text: str) -> None:
        """Copy text through the terminal; nothing never replaces what the clipboard holds."""
        if text:
            super().copy_to_clipboard(text)

    def action_redraw(self) -> None:
        """Draw all anew: what another program wrote over the screen is not known here."""
        redraw(self)

    def action_toggle_theme(self) -> None:
        """Change between the dark theme and the light one."""
        self.theme = counterpart(self.current_theme)

    def on_unmount(self) -> None:
        """Remember when one left, and let the database go."""
        view = self.main.view
        if self._is_live and view.study is not None:
            self._preferences.remember_left(Left(view.clock(), view.study.spent_usd))
        self._feed.close()


def _remembered(paths: StudyPaths) -> Path:
    """Where this operator's choices are kept: those who come over SSH have each their own."""
    name = os.environ.get(ACTOR)
    return paths.state / (f"tui-{name}.json" if name else "tui.json")


def run_replay(paths: StudyPaths, recording: Replay, diff: Callable[[Experiment], str]) -> int:
    """Play a recording until the viewer leaves; gives the exit code."""
    app = Cockpit(paths, _start_nothing, diff, recording)
    app.run()
    return app.return_code or 0


async def _start_nothing() -> None:
    raise StudyError("a recording has no engine")


def run_cockpit(
    paths: StudyPaths,
    start: Callable[[], Awaitable[None]],
    diff: Callable[[Experiment], str],
) -> int:
    """Run until the operator leaves; gives the exit code."""
    app = Cockpit(paths, start, diff)
    app.run()
    # After a hang-up there is nobody to tell.
    with contextlib.suppress(OSError):
        if words := left_message(app.main.view, paths).plain:
            print(words, flush=True)
    return app.return_code or 0
