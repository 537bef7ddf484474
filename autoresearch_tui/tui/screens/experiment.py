"""One experiment alone, or against another: summary, diff, curve, log, reasoning."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label

from autoresearch_tui.domain import CurvePoint, Experiment, Run
from autoresearch_tui.errors import AutoresearchError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researcher_lines import turn_page
from autoresearch_tui.tui.commands import OPENED, bindings
from autoresearch_tui.tui.compare import comparison
from autoresearch_tui.tui.diffs import diff_lines, diff_of_diffs, edits_text
from autoresearch_tui.tui.feed import Source
from autoresearch_tui.tui.operator import Operator
from autoresearch_tui.tui.screens.looking import LookingScreen
from autoresearch_tui.tui.summary import metrics_lines, summary
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.curve import CurvePane, Named
from autoresearch_tui.tui.widgets.lines import Line, Lines
from autoresearch_tui.tui.widgets.log import LogPane
from autoresearch_tui.tui.words import Segment, fit, mark, thought_style

_REFRESH_SECONDS = 0.5
_CURVE_SECONDS = 2.0

TABS = ("summary", "diff", "curve", "log", "reasoning")


class ExperimentScreen(LookingScreen):
    """Gives the experiment that was open when one left it."""

    DEFAULT_CSS = """
    ExperimentScreen { background: $background; }
    ExperimentScreen #head { width: 100%; height: 2; padding: 0 1; background: $surface; }
    ExperimentScreen .pane { display: none; height: 1fr; }
    ExperimentScreen .pane.-current { display: block; }
    ExperimentScreen .hint { color: $quiet; padding: 0 1; height: 1; }
    """
    AUTO_FOCUS = "#summary"
    BINDINGS = bindings(OPENED)

    def __init__(
        self,
        operator: Operator,
        paths: StudyPaths,
        feed: Source,
        diff: Callable[[Experiment], str],
        view: Callable[[], View],
        against: str | None = None,
    ) -> None:
        super().__init__(operator)
        self._paths = paths
        self._feed = feed
        self._diff = diff
        self._newest = view
        self._against = against
        self._id = ""
        self._tab = TABS[0]
        self._run = -1
        self._written: dict[str, Sequence[Line]] = {}
        self.view = view()

    def compose(self) -> ComposeResult:
        """Who it is, the pages, the keys."""
        yield Label("", id="head", markup=False)
        with Vertical():
            yield Lines(id="summary", empty="nothing is known of it")
            yield Lines(id="diff", empty="reading the diff …", wrap=False)
            yield CurvePane()
            yield LogPane()
            yield Lines(id="reasoning", empty="no researcher's turn proposed it")
        hints = f"{_HINTS}  {_ACTS}" if self._operator.can_act else _HINTS
        yield Label(hints, classes="hint", markup=False)

    def on_mount(self) -> None:
        """Show it, and again as the study goes on."""
        self.action_tab(self._tab)
        self._read()
        self.set_interval(_REFRESH_SECONDS, self._follow)

    @property
    def front(self) -> Lines:
        """The page that is shown; the summary where that has no lines."""
        return self.query_one("#summary" if self._tab == "curve" else f"#{self._tab}", Lines)

    @property
    def chosen(self) -> Experiment | None:
        """The one that is open."""
        return self.view.by_id.get(self._id)

    @property
    def _other(self) -> Experiment | None:
        return self.view.by_id.get(self._against) if self._against else None

    @property
    def _runs(self) -> Sequence[Run]:
        """Its runs that have begun."""
        found = self.view.runs_by_experiment.get(self._id, ())
        return [run for run in found if run.started_at is not None]

    def change_to(self, experiment: Experiment) -> None:
        """Show another experiment."""
        self._id, self._run, self._written = experiment.id, -1, {}
        if self.is_mounted:
            for each in ("#summary", "#diff", "#reasoning"):
                self.query_one(each, Lines).scroll_home(animate=False)
            self._write("diff", [])
            self._read()

    def _read(self) -> None:
        self.draw()
        self._read_diff()
        self._read_curves()
        self._read_reasoning()

    def _follow(self) -> None:
        view = self._newest()
        if view is not self.view:
            self.view = view
            self.draw()

    def draw(self) -> None:
        """Draw the newest view."""
        experiment = self.chosen
        if experiment is None:
            return
        self.query_one("#head", Label).update(self._head(experiment))
        if (other := self._other) is not None:
            self._write("summary", comparison(self.view, other, experiment))
        else:
            lines = summary(self.view, experiment)
            if metrics := metrics_lines(self._runs):
                lines += [("", ""), *metrics]
            self._write("summary", lines)
        runs = self._runs
        log = self.query_one(LogPane)
        if runs:
            run = runs[max(min(self._run, len(runs) - 1), -len(runs))]
            title, is_over = f"log {run.id} on {run.cluster}", run.status.is_final
            log.follow(self._paths.run_log(run.id), title, is_over=is_over)
        else:
            log.follow(None, "no run has begun")

    def _head(self, experiment: Experiment) -> Content:
        sign = mark(experiment)
        name = f"{experiment.id} against {self._against}" if self._against else experiment.id
        value = "" if experiment.value is None else f"{experiment.value:.6f}"
        gain = "" if experiment.gain is None else f"{experiment.gain:+.6f}"
        segments = [
            Segment(0, Content.styled(name, "bold")),
            Segment(1, Content.styled(f"{sign.sign} {sign.word}", sign.style)),
            Segment(2, Content(f"{value} {gain} {experiment.accelerator or ''}".strip())),
            Segment(3, Content(experiment.title)),
        ]
        width = self.size.width - 2
        tabs = [
            Content.styled(f" {at} {name} ", "reverse bold" if name == self._tab else "$quiet")
            for at, name in enumerate(TABS, 1)
        ]
        first = fit([each for each in segments if each.content.plain], width)
        return Content("\n").join([first, Content("").join(tabs).truncate(width)])

    def _write(self, where: str, lines: Sequence[Line]) -> None:
        """Lines that are there already are not drawn again."""
        if self._written.get(where) != lines:
            self._written[where] = lines
            self.query_one(f"#{where}", Lines).replace(lines)

    @work(exclusive=True, group="diff")
    async def _read_diff(self) -> None:
        experiment, other = self.chosen, self._other
        if experiment is None:
            return
        mine = await self._diff_of(experiment)
        if other is not None:
            theirs = await self._diff_of(other)
            self._write("diff", diff_of_diffs(mine, theirs, experiment.id, other.id))
        else:
            self._write("diff", diff_lines(mine) or [("it changes nothing", "$quiet")])

    async def _diff_of(self, experiment: Experiment) -> str:
        if experiment.commit is None:
            return edits_text(experiment)
        try:
            return await asyncio.to_thread(self._diff, experiment)
        except AutoresearchError as error:
            return str(error)

    @work(exclusive=True, group="curves")
    async def _read_curves(self) -> None:
        """The curve of each run, and of what they are held against; as they grow."""
        while True:
            self.query_one(CurvePane).give([each async for each in self._curves()])
            if all(run.status.is_final for run in self._runs):
                return
            await asyncio.sleep(_CURVE_SECONDS)

    async def _curves(self) -> AsyncIterator[Named]:
        runs = self._runs
        for at, run in enumerate(runs):
            yield Named(run.id, "$primary" if at == 0 else "$accent", await self._curve(run))
        other = self._held_against(runs[-1].accelerator if runs else None)
        if other is not None and other not in runs:
            name = f"{other.id}, the best" if self._against is None else other.id
            yield Named(name, "$success", await self._curve(other))

    def _held_against(self, accelerator: str | None) -> Run | None:
        if self._against is None:
            return self.view.best_run(accelerator)
        runs = self.view.runs_by_experiment.get(self._against, ())
        there = [run for run in runs if run.accelerator == accelerator]
        return there[-1] if there else None

    async def _curve(self, run: Run) -> Sequence[CurvePoint]:
        return await asyncio.to_thread(self._feed.curve, run.id)

    @work(exclusive=True, group="reasoning")
    async def _read_reasoning(self) -> None:
        number = self.chosen.turn if self.chosen is not None else None
        turn = None
        if number is not None:
            turns = await asyncio.to_thread(self._feed.turns)
            turn = next((each for each in turns if each.id == number), None)
        if turn is None:
            self._write("reasoning", [])
            return
        thoughts = await asyncio.to_thread(self._feed.thoughts_of, turn.id)
        lines = turn_page(turn, thoughts)
        self._write("reasoning", [(line, thought_style(line)) for line in lines])

    def action_tab(self, name: str) -> None:
        """Show a page."""
        self._tab = name
        for each in TABS:
            self.query_one(f"#{each}").set_class(each == name, "-current")
        if name == "curve":
            self.set_focus(None)
        else:
            self.query_one(f"#{name}").focus()
        self.draw()

    def action_next_tab(self, by: int) -> None:
        """Show the page beside this one."""
        self.action_tab(TABS[(TABS.index(self._tab) + by) % len(TABS)])

    def action_run(self, by: int) -> None:
        """Show the log of another of its runs."""
        if count := len(self._runs):
            self._run = min(max(self._run % count + by, 0), count - 1)
            self.action_tab("log")

    def action_step(self, by: int) -> None:
        """Change to the experiment before or after, by number."""
        here = self.chosen
        numbers = sorted(self.view.experiments, key=lambda e: by * e.number)
        later = (e for e in numbers if here is None or by * e.number > by * here.number)
        if (found := next(later, None)) is not None:
            self.change_to(found)

    def action_best(self) -> None:
        """Change to the best."""
        if (best := self.view.best) is not None:
            self.change_to(best)

    def action_copy(self) -> None:
        """Copy what is shown."""
        if self._tab in ("diff", "log", "reasoning") and (text := self.front.text):
            self.copy(text, f"{self._tab} of {self._id}, {len(text.splitlines())} lines")
        elif (experiment := self.chosen) is not None:
            self.copy(named(experiment))

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(self._id)


_HINTS = "1-5 tab pages  [ ] experiments  / search  y copy  o pager  esc"
_ACTS = "A V X decide"


def named(experiment: Experiment) -> str:
    """What names an experiment outside of here: id, commit, value and title."""
    value = "" if experiment.value is None else f"{experiment.value:.6f}"
    parts = (experiment.id, (experiment.commit or "")[:12], value, experiment.title)
    return " ".join(part for part in parts if part)
