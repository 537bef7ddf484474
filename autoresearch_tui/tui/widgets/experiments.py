"""The list of experiments, newest first, with what waits for the operator on top."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from autoresearch_tui.domain import Experiment, ExperimentStatus, RunStatus, Verdict
from autoresearch_tui.query import Query
from autoresearch_tui.spoken import duration, percent
from autoresearch_tui.tui.commands import LIST, bindings
from autoresearch_tui.tui.lineage import lineage
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.lines import Lines
from autoresearch_tui.tui.words import mark

_WIDEST_KIND = 8

_URGENCY = {ExperimentStatus.PROPOSED: 0, ExperimentStatus.RUNNING: 1, ExperimentStatus.QUEUED: 2}


def ordered(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Waiting, then running, then queued ones, each in its turn; then the others, newest first."""

    urgent = [e for e in experiments if e.status in _URGENCY]
    urgent.sort(key=lambda e: (_URGENCY[e.status], e.number))
    others = [e for e in experiments if e.status not in _URGENCY]
    others.sort(key=lambda e: e.number, reverse=True)
    return urgent + others


def _worst_last(number: float | None, sign: int) -> tuple[bool, float]:
    return number is None, 0.0 if number is None else sign * number


def sorted_by(order: str, experiments: Sequence[Experiment], *, minimize: bool) -> list[Experiment]:
    """Experiments in one of `ORDERS`; what has no value or gain comes last."""
    match order:
        case "value":
            sign = 1 if minimize else -1
            return sorted(experiments, key=lambda e: (*_worst_last(e.value, sign), e.number))
        case "gain":
            return sorted(experiments, key=lambda e: (*_worst_last(e.gain, -1), e.number))
        case "number":
            return sorted(experiments, key=lambda e: e.number)
        case _:
            return ordered(experiments)


ORDERS = ("newest", "value", "gain", "number", "lineage")
"""How the list may be sorted; the first has what waits and runs on top, the last is a tree."""


class ExperimentList(Lines):
    """A list with a cursor and marks; tells its screen when the cursor has moved."""

    BINDINGS = bindings(LIST)

    @dataclass
    class Moved(Message):
        """The cursor stands on another experiment."""

        experiment: str | None

    class Opened(Message):
        """The operator wants to see the chosen experiment."""

    def __init__(self) -> None:
        super().__init__(id="experiments", empty="no experiment yet")
        self.border_title = "3 experiments"
        self._view = View()
        self._shown: list[Experiment] = []
        self._joints: dict[str, str] = {}
        self._chosen: str | None = None
        self._marked: dict[str, None] = {}
        self._query = Query()
        self._order = ORDERS[0]

    @property
    def query_text(self) -> str:
        """The query line that filters it."""
        return self._query.text

    @property
    def marked(self) -> list[Experiment]:
        """The experiments that are marked, in the order in which they were."""
        return [e for name in self._marked if (e := self._view.by_id.get(name)) is not None]

    @property
    def chosen(self) -> Experiment | None:
        """The experiment under the cursor, once the operator has moved it."""
        return self._view.by_id.get(self._chosen) if self._chosen else None

    def on_mount(self) -> None:
        """Begin the clock of the countdowns."""
        self.set_interval(1.0, self._count_down)

    def _count_down(self) -> None:
        if any(e.approve_at is not None for e in self._view.waiting):
            self.repaint()

    def show(self, view: View) -> None:
        """Draw a view; the cursor stays on its experiment."""
        is_same = view.experiments is self._view.experiments
        self._view = view
        if is_same:
            self.repaint()
        else:
            self._select()

    def filter(self, query: Query) -> None:
        """Show those that a query lets through."""
        self._query = query
        self._select()
        self.scroll_home(animate=False)

    def next_order(self) -> None:
        """Sort in another way."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._select()
        self.scroll_home(animate=False)

    def _select(self) -> None:
        minimize = self._view.study is None or self._view.study.minimize
        found = self._view.experiments
        if self._query.text:
            found = [e for e in found if self._query.matches(e)]
        if self._order == "lineage":
            tree = lineage(found, self._view.experiments)
            self._shown, self._joints = [e for e, _ in tree], {e.id: joint for e, joint in tree}
        else:
            self._shown, self._joints = sorted_by(self._order, found, minimize=minimize), {}
        self.entitle(f"3 experiments: {self._title(len(found))}")
        self._fit()

    def _fit(self) -> None:
        self.virtual_size = Size(self._width, len(self._shown) + 1)
        self.repaint()

    def _title(self, count: int) -> str:
        parts = [f"{count} of {self._query.text}" if self._query.text else f"all {count}"]
        if self._order != ORDERS[0]:
            parts.append(f"by {self._order}")
        if self._marked:
            parts.append(f"{len(self._marked)} marked")
        return ", ".join(parts)

    def _place(self) -> int | None:
        return next((i for i, e in enumerate(self._shown) if e.id == self._chosen), None)

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        if not self._shown:
            return
        place = self._place()
        start = -1 if place is None else place
        self._choose(min(max(start + step, 0), len(self._shown) - 1))

    def action_mark(self) -> None:
        """Mark the chosen experiment, or not, and go to the next."""
        chosen = self.chosen
        if chosen is None:
            self.action_move(0)
            return
        if chosen.id in self._marked:
            del self._marked[chosen.id]
        else:
            self._marked[chosen.id] = None
        self._select()
        self.action_move(1)

    def action_mark_wave(self) -> None:
        """Mark the whole wave of the chosen experiment."""
        if (chosen := self.chosen) is not None:
            wave = [e.id for e in self._view.experiments if e.wave == chosen.wave]
            self._marked |= dict.fromkeys(wave)
            self._select()
            self.post_message(self.Moved(chosen.id))

    def unmark(self) -> bool:
        """Mark none; whether any was."""
        had = bool(self._marked)
        self._marked.clear()
        self._select()
        return had

    def step(self, by: int) -> None:
        """Choose the experiment before or after the chosen one, by number, if it is shown."""
        numbers = sorted(e.number for e in self._shown)
        if not numbers:
            return
        now = self.chosen.number if self.chosen is not None else numbers[-1] + 1
        if by < 0:
            later = [number for number in reversed(numbers) if number < now]
        else:
            later = [number for number in numbers if number > now]
        if later:
            self.choose([e.id for e in self._shown if e.number == later[0]])

    def find(self, text: str, by: int) -> bool:
        """Choose the next row that has a text, from the cursor on in a direction; round the end."""
        query = text.casefold()
        places = [
            i for i, e in enumerate(self._shown) if query in f"{e.id} {e.title} {e.why}".casefold()
        ]
        if not places:
            return False
        now = self._place()
        if by > 0:
            ahead = [i for i in places if now is None or i > now]
            self._choose(ahead[0] if ahead else places[0])
        else:
            ahead = [i for i in places if now is not None and i < now]
            self._choose(ahead[-1] if ahead else places[-1])
        return True

    def choose(self, experiments: Sequence[str]) -> None:
        """Choose the first of some experiments that is shown."""
        places = [i for i, e in enumerate(self._shown) if e.id in experiments]
        if places:
            self._choose(places[0])

    def choose_next(self, among: Sequence[str]) -> None:
        """Choose the next of some experiments, from the top again after the last."""
        places = [i for i, e in enumerate(self._shown) if e.id in among]
        if places:
            now = self._place()
            later = [i for i in places if now is None or i > now]
            self._choose((later or places)[0])

    def release(self) -> None:
        """Choose none, so that the screen follows what runs."""
        self._chosen = None
        self.scroll_home(animate=False)
        self.repaint()

    def _choose(self, at: int) -> None:
        self._chosen = self._shown[at].id
        self.scroll_to_region(Region(0, at, 1, 2), animate=False, force=True)
        self.repaint()
        self.post_message(self.Moved(self._chosen))

    def action_open(self) -> None:
        """Show the chosen experiment."""
        if self._place() is None:
            self.action_move(0)
        self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse."""
        at = event.y - self.gutter.top - 1 + round(self.scroll_y)
        if 0 <= at < len(self._shown):
            self._choose(at)

    def render_line(self, y: int) -> Strip:
        """The head, or one row."""
        width = self._width
        if y == 0:
            return self.strip(Content.styled(_head(width, self._wide_kind), "$quiet"), width)
        at = y - 1 + round(self.scroll_y)
        if at >= len(self._shown):
            words = self._empty if not self._shown and y == 1 else ""
            return self.strip(Content.styled(words, "$quiet"), width)
        experiment = self._shown[at]
        row = self._row(experiment, width)
        if experiment.id == self._chosen:
            row = row.pad_right(max(width - row.cell_length, 0)).stylize("on $cursor-row")
        return self.strip(row, width)

    def _row(self, experiment: Experiment, width: int) -> Content:
        sign = mark(experiment)
        value = "" if experiment.value is None else f"{experiment.value:.4f}"
        gain = "" if experiment.gain is None else f"{experiment.gain:+.4f}"
        text = experiment.title
        is_refused = experiment.status is ExperimentStatus.REJECTED
        if experiment.why and (is_refused or experiment.verdict is Verdict.CRASH):
            text = f"{experiment.title}  ({experiment.why})"
        state = f"{self._state(experiment, sign.word):<9}"
        numbers = f"{value:>8} {gain:>8} " if width >= 50 else f"{value:>8} "
        if wide := self._wide_kind:
            numbers += f"{experiment.accelerator or '':<{wide}.{wide}} "
        return Content.assemble(
            (
                f"{experiment.id:<6}",
                "$accent bold reverse" if experiment.id in self._marked else "",
            ),
            (f"{sign.sign} {state}", sign.style),
            numbers,
            (self._joints.get(experiment.id, ""), "$quiet"),
            (text, _tone(experiment)),
        )

    @property
    def _wide_kind(self) -> int:
        """Cells for the accelerator type of a value; none where there is but one."""
        kinds = self._view.kinds
        return min(max(map(len, kinds)), _WIDEST_KIND) if len(kinds) > 1 else 0

    def _state(self, experiment: Experiment, word: str) -> str:
        if experiment.status is ExperimentStatus.PROPOSED and experiment.approve_at is not None:
            return f"in {duration(experiment.approve_at - self._view.clock())}"
        if experiment.status is ExperimentStatus.RUNNING:
            running = [
                run
                for run in self._view.active_runs
                if run.experiment == experiment.id and run.status is RunStatus.RUNNING
            ]
            found = [p.fraction for r in running if (p := self._view.progress.get(r.id))]
            # In steps, for the tiles have the rest, and each change of a line is sent.
            return f"runs {percent(int(max(found) * 20) / 20)}" if found else word
        return word


def _head(width: int, wide_kind: int) -> str:
    numbers = f"{'value':>8} {'vs best':>8} " if width >= 50 else f"{'value':>8} "
    numbers += f"{'on':<{wide_kind}} " if wide_kind else ""
    return f"{'id':<6}{'  state':<11}{numbers}change"


def _tone(experiment: Experiment) -> str:
    if experiment.verdict is Verdict.DISCARD or experiment.verdict is Verdict.CRASH:
        return "$quiet"
    return "$foreground"
