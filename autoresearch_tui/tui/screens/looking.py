"""What works in every pane of lines: search, copy, the operator's own pager."""

import os
from abc import abstractmethod

from textual import work
from textual.app import SuspendNotSupported

from autoresearch_tui.control import ACTOR
from autoresearch_tui.errors import EditError
from autoresearch_tui.tui.editing import paged
from autoresearch_tui.tui.screens.deciding import DecidingScreen
from autoresearch_tui.tui.screens.line import LineScreen
from autoresearch_tui.tui.widgets.lines import Lines


class LookingScreen(DecidingScreen):
    """A screen of panes; what one does in it is done in the one that has the focus."""

    _sought = ""

    @property
    @abstractmethod
    def front(self) -> Lines:
        """The pane that is meant where none has the focus."""

    @property
    def _pane(self) -> Lines:
        return self.focused if isinstance(self.focused, Lines) else self.front

    @work(exclusive=True, group="line")
    async def action_search(self) -> None:
        """Look for a text in the pane that has the focus."""
        pane = self._pane
        text = await self._app.push_screen_wait(LineScreen.finding(pane.id or ""))
        if text is not None:
            self._sought = text
            self._search(pane, 1)

    def action_search_next(self, by: int) -> None:
        """Go on with the search, in a direction."""
        self._search(self._pane, by)

    def _search(self, pane: Lines, by: int) -> None:
        if self._sought and not pane.find(self._sought, by):
            self.notify(f"Not found: {self._sought}", markup=False)

    @work(exclusive=True, group="pager")
    async def action_pager(self) -> None:
        """Open what the pane holds in $PAGER."""
        pane = self._pane
        if os.environ.get(ACTOR):
            self.notify("Not over SSH: a pager can open a shell", severity="error")
        elif not pane.text:
            self.notify("Nothing to open here")
        else:
            try:
                with self._app.suspend():
                    await paged(pane.text, f"{pane.id or 'pane'}.txt")
            except (EditError, SuspendNotSupported) as error:
                self.notify(str(error), severity="error", markup=False)

    def copy(self, words: str, said: str = "") -> None:
        """Copy words to the operator's clipboard, and say so."""
        if words:
            self._app.copy_to_clipboard(words)
            self.notify(f"Copied: {said or words}", markup=False)
