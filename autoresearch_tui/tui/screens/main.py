"""The cockpit's one screen: panes, keys, and what the operator asks of the engine."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual import events, on, work
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer, Static

from autoresearch_tui.domain import (
    ClusterStatus,
    Experiment,
    Run,
    RunStatus,
    Verdict,
)
from autoresearch_tui.errors import AutoresearchError
from autoresearch_tui.health import Word
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.query import QueryError, parse_query
from autoresearch_tui.tui.commands import LOOK, bindings
from autoresearch_tui.tui.curves import curve_lines
from autoresearch_tui.tui.driver import set_title, tell_desktop
from autoresearch_tui.tui.feed import Source
from autoresearch_tui.tui.operator import Operator
from autoresearch_tui.tui.preferences import Layout, Preferences
from autoresearch_tui.tui.screens.experiment import named
from autoresearch_tui.tui.screens.line import LineScreen
from autoresearch_tui.tui.screens.opening import OpeningScreen
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.details import DetailsPane
from autoresearch_tui.tui.widgets.experiments import ExperimentList
from autoresearch_tui.tui.widgets.header import Header
from autoresearch_tui.tui.widgets.lines import Lines
from autoresearch_tui.tui.widgets.log import LogPane
from autoresearch_tui.tui.widgets.panes import NARROW, NORMAL, WIDE, Panes
from autoresearch_tui.tui.widgets.reasoning import ReasoningPane
from autoresearch_tui.tui.widgets.returned import Returned
from autoresearch_tui.tui.widgets.scatter import Scatter
from autoresearch_tui.tui.widgets.tiles import Tiles

_RINGING = (Word.IDLE, Word.STUCK, Word.TROUBLE, Word.DEAD)
"""Words that somebody is to hear of."""

_POLL_SECONDS = 0.25
_CURVE_SECONDS = 2.0

_PANES = ("scatter", "reasoning", "experiments", "log", "details")

_HINTS = {"scatter": "t axis  ← → walk  + - zoom", "experiments": "f filter", "log": "← →"}

_CHANGING = ("approve", "veto", "steer", "start_engine", "cancel_run", "pause", "resume")

_TABS = "1 results 2 reasoning 3 list 4 log 5 details"

_LOWEST = 15
"""Lines below which nothing but a word about it is shown."""


class TooSmall(Static):
    """What a terminal shows that is too small for anything else."""

    def __init__(self) -> None:
        super().__init__(id="too-small", markup=False)

    def render(self) -> str:
        """The size that is needed and the one that is there."""
        size = self.app.size  # pyright: ignore[reportUnknownMemberType]
        return f"{NARROW}x{_LOWEST} needed, {size.width}x{size.height} here\nq leaves"


class MainScreen(OpeningScreen):
    """Draws each new view, and turns keys into requests."""

    CSS_PATH = "main.tcss"
    AUTO_FOCUS = "#experiments"
    BINDINGS = bindings(LOOK)

    def __init__(
        self,
        paths: StudyPaths,
        feed: Source,
        operator: Operator,
        diff: Callable[[Experiment], str],
        preferences: Preferences | None = None,
    ) -> None:
        super().__init__(operator, paths, feed, diff)
        self.HORIZONTAL_BREAKPOINTS = [
            (0, "-slim"),
            (NARROW, "-narrow"),
            (NORMAL, "-normal"),
            (WIDE, "-wide"),
        ]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (_LOWEST, "-high")]
        self._preferences = preferences
        self._tells_desktop = preferences is not None and preferences.tells_desktop()
        self._called: Word | None = None
        self._polling = False
        self._offered: tuple[bool | None, ...] = ()

    def compose(self) -> ComposeResult:
        """Header, tiles, panes, keys."""
        yield Header()
        yield Returned(self._preferences.left() if self._preferences is not None else None)
        yield Tiles()
        layout = self._preferences.layout() if self._preferences is not None else Layout()
        panes = Scatter(), ReasoningPane(), ExperimentList(), LogPane(), DetailsPane()
        yield Panes(*panes, layout=layout)
        yield TooSmall()
        yield Footer(show_command_palette=False, compact=True)

    async def on_mount(self) -> None:
        """Show the first view at once and begin to follow the study."""
        self.show_pane("experiments")
        await self._poll()
        self.set_interval(_POLL_SECONDS, self._poll)

    def on_resize(self) -> None:
        """Name the panes that are out of sight."""
        self.query_one(Panes).share_out()
        self.draw()

    def action_resize(self, wider: int, higher: int) -> None:
        """Give the left panes, or the upper ones, more room, or less."""
        panes = self.query_one(Panes)
        panes.resize(panes.shares.resized(wider, higher))

    @on(Panes.Resized)
    def _resized(self, message: Panes.Resized) -> None:
        kept = self._preferences
        if kept is not None and not kept.remember_layout(message.layout):
            self.notify("The panes cannot be remembered: the disk refuses", severity="error")

    async def _poll(self) -> None:
        if self._polling:
            return
        self._polling = True
        try:
            view = await asyncio.to_thread(self._feed.poll)
        finally:
            self._polling = False
        if view is not None and self.is_attached:
            self.view = view
            self.query_one(ReasoningPane).add(view.thoughts, view.events)
            self.query_one(Returned).tell(view)
            self.draw()

    def draw(self) -> None:
        """Draw the newest view in each pane."""
        view, chosen = self.view, self._list.chosen
        for name in _PANES:
            hint = _TABS if self.size.width < NORMAL else _HINTS.get(name, "")
            pane = self.query_one(f"#{name}")
            if isinstance(pane, Lines):
                pane.hint = hint
            elif pane.border_subtitle != hint:
                pane.border_subtitle = hint
        self.query_one(Header).show(view)
        self.query_one(Tiles).show(view)
        self._list.show(view)
        scatter = self.query_one(Scatter)
        scatter.mark(chosen.id if chosen else None)
        scatter.show(view)
        self.query_one(DetailsPane).show(view, chosen)
        self._follow_log()
        self.call_out(view)
        offered = tuple(self.check_action(action, ()) for action in _CHANGING)
        if offered != self._offered:
            # It builds the footer anew, which is dear.
            self._offered = offered
            self.refresh_bindings()

    def call_out(self, view: View) -> None:
        """Ring once, and name it in the window's title, when things begin to wait for somebody."""
        known = view.health(view.clock())
        word = known.word if known is not None else None
        if word is self._called:
            return
        is_first, self._called = self._called is None, word
        tag = view.study.tag if view.study is not None else "autoresearch-tui"
        self._app.title = f"{tag}: {word}" if word is not None else tag
        set_title(self._app, self._app.title)
        if known is not None and known.word in _RINGING and not is_first:
            self._app.bell()
            if self._tells_desktop:
                tell_desktop(self._app, f"{tag}: {known.word} {known.reason}")

    def action_desktop(self) -> None:
        """Tell the desktop too what waits for somebody, or tell it no longer."""
        self._tells_desktop = not self._tells_desktop
        if self._tells_desktop:
            self.notify("The desktop is told too when something waits for somebody")
            tell_desktop(self._app, "autoresearch-tui tells you here what waits for you")
        else:
            self.notify("The desktop is not told any more")
        kept = self._preferences
        if kept is not None and not kept.remember_desktop(self._tells_desktop):
            self.notify("That cannot be remembered: the disk refuses", severity="error")

    @property
    def front(self) -> Lines:
        """The list."""
        return self._list

    @property
    def chosen(self) -> Experiment | None:
        """The experiment under the list's cursor."""
        return self._list.chosen

    def choose(self, experiment: str) -> None:
        """Put the list's cursor on it."""
        self._list.choose([experiment])

    @property
    def marked(self) -> list[Experiment]:
        """The experiments that are marked in the list."""
        return self._list.marked

    @property
    def _list(self) -> ExperimentList:
        return self.query_one(ExperimentList)

    def _follow_log(self) -> None:
        pane = self.query_one(LogPane)
        if (run := self._logged_run()) is not None:
            is_over = run.status.is_final
            title = f"4 log {run.id} on {run.cluster}"
            pane.follow(self._paths.run_log(run.id), title, is_over=is_over)
        elif self.view.clusters and not self.view.runs:
            pane.follow(*self._setup_log())
        else:
            pane.follow(None, "4 log")

    def _setup_log(self) -> tuple[Path, str]:
        """The output of the set-up that was heard of last: of a cluster's own, or of all slots'."""
        of = [each for each in self.view.clusters if self._paths.setup_log(each.name).exists()]
        if not of:
            return self._paths.setup_log("local"), "4 log of the set-up"
        newest = max(of, key=lambda each: (each.status is ClusterStatus.SETTING_UP, each.name))
        return self._paths.setup_log(newest.name), f"4 log of the set-up of {newest.name}"

    def _logged_run(self) -> Run | None:
        """The newest run of the chosen experiment, else one that runs, else the newest of all."""
        chosen = self._list.chosen
        if chosen is not None:
            runs = self.view.runs_by_experiment.get(chosen.id, ())
            return runs[-1] if runs else None
        running = [r for r in self.view.active_runs if r.status is RunStatus.RUNNING]
        if running:
            # The one that was followed goes on, so that the pane does not jump.
            return min(running, key=lambda r: (r.cluster or "", r.id))
        ended = [r for r in self.view.runs.values() if r.ended_at is not None]
        return max(ended, key=lambda r: r.ended_at or 0.0, default=None)

    @on(ExperimentList.Moved)
    def _moved(self) -> None:
        self.draw()
        if (chosen := self._list.chosen) is not None and chosen.commit is not None:
            self._read_diff(chosen)
            self._read_curve(chosen)

    @on(Scatter.Picked)
    def _picked(self, message: Scatter.Picked) -> None:
        self._list.choose([message.experiment])

    @on(ExperimentList.Opened)
    def _opened(self) -> None:
        if (chosen := self._list.chosen) is not None:
            self.open_experiment(chosen)

    @work(exclusive=True, group="curve")
    async def _read_curve(self, experiment: Experiment) -> None:
        """Its training curve, and that of the best on the same accelerator type; as it grows."""
        pane = self.query_one(DetailsPane)
        while (chosen := self._list.chosen) is not None and chosen.id == experiment.id:
            runs = self.view.runs_by_experiment.get(experiment.id, ())
            begun = [run for run in runs if run.started_at is not None]
            if not begun:
                return
            newest = begun[-1]
            best = self.view.best_run(newest.accelerator)
            mine = await asyncio.to_thread(self._feed.curve, newest.id)
            other = await asyncio.to_thread(self._feed.curve, best.id) if best else ()
            is_itself = best is None or best.id == newest.id
            pane.show_curve(experiment.id, curve_lines(mine, () if is_itself else other))
            pane.show(self.view, self._list.chosen)
            if newest.status.is_final:
                return
            await asyncio.sleep(_CURVE_SECONDS)

    @work(exclusive=True, group="diff")
    async def _read_diff(self, experiment: Experiment) -> None:
        try:
            diff = await asyncio.to_thread(self._diff, experiment)
        except AutoresearchError as error:
            diff = str(error)
        pane = self.query_one(DetailsPane)
        pane.show_diff(experiment.id, diff)
        pane.show(self.view, self._list.chosen)

    def show_pane(self, name: str) -> None:
        """Bring a pane to the front where not all of them fit."""
        for each in _PANES:
            self.query_one(f"#{each}").set_class(each == name, "-current")
        # On a middling terminal log and details share a place.
        if name in ("log", "details"):
            self.query_one(DetailsPane).set_class(name == "details", "-front")
            self.query_one(LogPane).set_class(name == "details", "-back")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A pane that has the focus is in front."""
        if (name := event.widget.id) in _PANES:
            self.show_pane(name)

    def action_pane(self, name: str) -> None:
        """Go to a pane."""
        if self.maximized is not None:
            self.minimize()
        self.show_pane(name)
        self.query_one(f"#{name}", Widget).focus()

    def action_zoom(self) -> None:
        """One pane over the whole screen, or back."""
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused)

    @work(exclusive=True, group="line")
    async def action_filter(self) -> None:
        """Show the experiments that a query line means."""
        text: str | None = self._list.query_text
        while (text := await self._app.push_screen_wait(LineScreen.showing(text))) is not None:
            try:
                self._list.filter(parse_query(text))
            except QueryError as error:
                self.notify(str(error), severity="error", markup=False)
            else:
                return

    def action_sort(self) -> None:
        """Sort the list in another way."""
        self._list.next_order()

    def action_best(self) -> None:
        """Choose the best."""
        if (best := self.view.best) is not None:
            self._list.choose([best.id])

    def action_trouble(self) -> None:
        """Choose the next experiment that has failed."""
        failed = (Verdict.CRASH, Verdict.INCONCLUSIVE)
        found = [e.id for e in self.view.experiments if e.verdict in failed]
        self._list.choose_next(found)

    def action_step(self, by: int) -> None:
        """Choose the experiment before or after the chosen one."""
        self._list.step(by)

    def action_compare(self) -> None:
        """Show how those that are marked differ, or the chosen one from the best."""
        marked, best = self.marked, self.view.best
        if len(marked) > 2:
            self.open_marked(marked)
            return
        pair = marked if len(marked) > 1 else [best, marked[0] if marked else self.chosen]
        if pair[0] is None or pair[1] is None or pair[0] is pair[1]:
            self.notify("Mark two experiments by space, or choose another than the best")
            return
        self.open_experiment(pair[1], against=pair[0].id)

    def action_axis(self) -> None:
        """Change the plot's x axis."""
        self.query_one(Scatter).next_axis()

    def action_next_waiting(self) -> None:
        """Choose the next proposal that waits for approval."""
        self._list.choose_next([e.id for e in self.view.waiting])

    def action_live(self) -> None:
        """One step back towards live: from one big pane, then from what was chosen or scrolled."""
        if self.maximized is not None:
            self.minimize()
            return
        self.query_one(Returned).dismiss()
        if self._list.unmark():
            return
        self._list.release()
        for pane in self.query(Lines):
            pane.follow_end()
        self.draw()

    def action_copy(self) -> None:
        """Copy what names the chosen experiment, else the best."""
        experiment = self._list.chosen or self.view.best
        if experiment is None:
            return
        self.copy(named(experiment))
