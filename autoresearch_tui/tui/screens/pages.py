"""Pages of lines over the whole screen: the study's record, and its settings."""

import asyncio
import os
from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import Label

from autoresearch_tui.config import CONFIG_NAME, load_settings
from autoresearch_tui.domain import Event, Experiment
from autoresearch_tui.errors import ConfigError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.spoken import clock_of
from autoresearch_tui.tui.commands import PAGE, bindings
from autoresearch_tui.tui.feed import Source
from autoresearch_tui.tui.keys import key_file
from autoresearch_tui.tui.operator import Operator
from autoresearch_tui.tui.screens.looking import LookingScreen
from autoresearch_tui.tui.settings_lines import in_force, places, settings_lines
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.lines import Line, Lines

_REFRESH_SECONDS = 0.5

PAGE_HINTS = "j k g G  / search  n N  y copy  o pager  esc"


class PageScreen(LookingScreen):
    """One pane of lines; nothing is chosen in it."""

    DEFAULT_CSS = """
    PageScreen { background: $background; }
    PageScreen .hint { color: $quiet; padding: 0 1; height: 1; }
    """
    BINDINGS = bindings(PAGE)

    _empty = ""
    _follows = False

    def __init__(self, operator: Operator, view: Callable[[], View]) -> None:
        super().__init__(operator)
        self._newest = view
        self.view = view()

    def compose(self) -> ComposeResult:
        """The lines, the keys."""
        yield Lines(id="page", empty=self._empty, follow=self._follows)
        yield Label(PAGE_HINTS, classes="hint", markup=False)

    @property
    def front(self) -> Lines:
        """The one pane."""
        return self.query_one("#page", Lines)

    @property
    def chosen(self) -> Experiment | None:
        """Nothing."""
        return None

    def action_copy(self) -> None:
        """Copy the whole page."""
        text = self.front.text
        self.copy(text, f"{len(text.splitlines())} lines")

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)


class EventsScreen(PageScreen):
    """The study's record: who did what to what, when; it goes on as it is written."""

    _empty = "nothing has happened yet"
    _follows = True

    def __init__(self, operator: Operator, view: Callable[[], View], feed: Source) -> None:
        super().__init__(operator, view)
        self._feed = feed
        self._last = 0
        self._reading = False

    async def on_mount(self) -> None:
        """Read the record, and what is added to it."""
        self.front.entitle("events")
        await self._read()
        self.set_interval(_REFRESH_SECONDS, self._read)

    async def _read(self) -> None:
        if self._reading:
            return
        self._reading = True
        try:
            found = await asyncio.to_thread(self._feed.events, self._last)
        finally:
            self._reading = False
        if found and self.is_attached:
            self._last = found[-1].seq
            self.front.write(map(event_line, found))


def event_line(event: Event) -> Line:
    """Such as `09:41:29 operator  experiment.vetoed  e0012  too bold`."""
    parts = (event.kind, event.subject, " ".join(event.text.split()))
    words = "  ".join(part for part in parts if part)
    return f"{clock_of(event.time)} {event.actor:<12.12} {words}", _style(event)


_BAD = ("failed", "lost", "suspected", "timed_out", "rejected", "set_aside")
_DECIDED = ("vetoed", "paused", "cancelled", "said", "approval", "scaled", "drained", "replaced")


def _style(event: Event) -> str:
    subject, _, what = event.kind.rpartition(".")
    if subject == "alarm" and what != "over":
        return "$error"
    if what in _BAD:
        return "$error"
    if what in _DECIDED:
        return "$accent"
    return "$quiet" if subject == "run" else ""


class SettingsScreen(PageScreen):
    """What the study and this cockpit go by, and where each is set."""

    def __init__(self, operator: Operator, view: Callable[[], View], paths: StudyPaths) -> None:
        super().__init__(operator, view)
        self._paths = paths

    async def on_mount(self) -> None:
        """Read the file."""
        self.front.entitle("settings")
        self.front.replace(await asyncio.to_thread(self._lines))

    def _lines(self) -> list[Line]:
        own = (
            ("theme", f"{self._app.theme}; T changes it"),
            ("keys", f"{key_file()}; ? lists them"),
            ("editor", os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"),
            ("pager", os.environ.get("PAGER") or "less"),
        )
        there = (
            ("study", self._paths.root),
            ("database", self._paths.database),
            ("logs", self._paths.logs),
        )
        file = self._paths.root / CONFIG_NAME
        head: list[Line] = [("IN FORCE, for this engine", "bold"), *in_force(self.view.study)]
        head += [("", ""), ("THIS COCKPIT", "bold"), *places(own)]
        head += [("", ""), ("PLACES", "bold"), *places(there), ("", "")]
        try:
            rest = settings_lines(load_settings(self._paths.root))
        except ConfigError as error:
            return [*head, (str(error), "$error")]
        words = f"{file}; ● is not the default. An engine reads it when it starts;"
        return [*head, (words, "$quiet"), ("options given to it come first.", "$quiet"), *rest]
