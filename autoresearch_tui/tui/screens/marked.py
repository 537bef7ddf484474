"""Several experiments at once: their results in a table, their curves over each other."""

import asyncio
from collections.abc import Callable, Sequence

from textual import work
from textual.app import ComposeResult
from textual.widgets import Label

from autoresearch_tui.domain import Experiment
from autoresearch_tui.tui.feed import Source
from autoresearch_tui.tui.marked import marked_lines, measured_on
from autoresearch_tui.tui.operator import Operator
from autoresearch_tui.tui.screens.pages import PAGE_HINTS, PageScreen
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.curve import CurvePane, Named
from autoresearch_tui.tui.widgets.lines import Lines

_STYLES = ("$success", "$primary", "$accent", "$warning", "$foreground", "$error")
"""Of the curves, the best's first; there are as many curves as these."""

_REFRESH_SECONDS = 2.0


class MarkedScreen(PageScreen):
    """Held against the best of them, each accelerator type by itself."""

    DEFAULT_CSS = """
    MarkedScreen #page { height: 3fr; }
    MarkedScreen #curve { height: 2fr; }
    """

    _empty = "none of them has a result yet"

    def __init__(
        self, operator: Operator, view: Callable[[], View], feed: Source, marked: Sequence[str]
    ) -> None:
        super().__init__(operator, view)
        self._feed = feed
        self._marked = marked

    def compose(self) -> ComposeResult:
        """The table, the curves, the keys."""
        yield Lines(id="page", empty=self._empty, wrap=False)
        yield CurvePane()
        yield Label(f"← →  {PAGE_HINTS}", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Show them, and again as their runs go on."""
        self.front.entitle(f"{len(self._marked)} marked")
        self._read()
        self.set_interval(_REFRESH_SECONDS, self._follow)

    def _follow(self) -> None:
        if (view := self._newest()) is not self.view:
            self.view = view
            self._read()

    @work(exclusive=True, group="curves")
    async def _read(self) -> None:
        there = [e for name in self._marked if (e := self.view.by_id.get(name)) is not None]
        self.front.replace(marked_lines(self.view, there))
        curves = await self._curves(there)
        pane = self.query_one(CurvePane)
        pane.display = any(each.points for each in curves)
        pane.give(curves)

    async def _curves(self, marked: Sequence[Experiment]) -> list[Named]:
        """Of the best on the type that most of them were measured on."""
        groups = measured_on(self.view, marked)
        kind = max(groups, key=lambda each: len(groups[each]), default="")
        pane = self.query_one(CurvePane)
        best = groups.get(kind, [])[: len(_STYLES)]
        pane.entitle(f"the curves of the best {len(best)} on {kind}" if best else "curves")
        found: list[Named] = []
        for row, style in zip(best, _STYLES, strict=False):
            runs = self.view.runs_by_experiment.get(row.experiment, ())
            there = [run for run in runs if run.accelerator == kind]
            if there:
                points = await asyncio.to_thread(self._feed.curve, there[-1].id)
                found.append(Named(there[-1].id, style, points))
        return found
