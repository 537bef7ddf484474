"""The clusters one by one: what their time went to, all that is known of each, acts on them."""

from collections.abc import Callable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from autoresearch_tui.domain import Cluster, ClusterStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.spoken import percent
from autoresearch_tui.tui.cluster_lines import cluster_facts, run_lines, running_on
from autoresearch_tui.tui.gantt import LEGEND
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.log import LogPane
from autoresearch_tui.tui.widgets.strips import Strips
from autoresearch_tui.tui.words import Segment, fit

_REFRESH_SECONDS = 0.5

_MOST_RUNS = 500


@dataclass(frozen=True, slots=True)
class FleetAct:
    """A request about clusters, and what is said once it is done."""

    done: str
    do: str
    args: dict[str, object]


class ClustersScreen(ModalScreen[str | None]):
    """Strips over the chosen cluster's facts and runs; gives the experiment to be shown, if any."""

    DEFAULT_CSS = """
    ClustersScreen #strips { background: $surface; }
    ClustersScreen Label { width: 100%; height: auto; }
    ClustersScreen #facts { margin: 1 0; }
    ClustersScreen OptionList {
        height: 1fr; text-wrap: nowrap; text-overflow: ellipsis;
        background: $surface;
    }
    ClustersScreen #log { display: none; height: 1fr; }
    ClustersScreen.-log #log { display: block; }
    ClustersScreen.-log OptionList { display: none; }
    """
    AUTO_FOCUS = "#strips"
    BINDINGS = [
        Binding("D", "act('drain')", "drain"),
        Binding("R", "act('replace')", "replace"),
        Binding("W", "act('wake')", "try again"),
        Binding("plus", "scale(1)", "one more"),
        Binding("minus", "scale(-1)", "one fewer"),
        Binding("l", "log", "log"),
        Binding("tab", "app.focus_next", "pane", show=False),
        Binding("escape,i,C,q", "dismiss(None)", "back"),
    ]

    def __init__(
        self,
        paths: StudyPaths,
        view: Callable[[], View],
        ask: Callable[[FleetAct], None] | None,
    ) -> None:
        super().__init__()
        self._paths = paths
        self._newest = view
        self._ask = ask
        self._listed: tuple[str, list[Content]] = ("", [])

    def compose(self) -> ComposeResult:
        """All of them, the chosen one, its runs or its log."""
        with Vertical(classes="page"):
            yield Label("", id="whole", markup=False)
            yield Strips()
            yield Label("", id="facts", markup=False)
            yield OptionList()
            yield LogPane()
            yield Label(
                _HINTS if self._ask is None else f"{_ACTS}  {_HINTS}", classes="hint", markup=False
            )

    def on_mount(self) -> None:
        """Draw, and again as the study goes on."""
        self.draw()
        self.set_interval(_REFRESH_SECONDS, self.draw)

    def on_strips_moved(self) -> None:
        """Show the one that the cursor is on."""
        self.draw()

    def draw(self) -> None:
        """Draw the newest view."""
        view = self._newest()
        now = view.clock()
        strips = self.query_one(Strips)
        strips.styles.height = min(
            len(strips.clusters(view)) + 1, max(self.size.height // 2 - 2, 2)
        )
        strips.show(view)
        self._say("#whole", _whole(view, now, self.size.width - 8))
        cluster = strips.chosen
        if cluster is None:
            self._say("#facts", Content("no clusters"))
            return
        self._say("#facts", Content("\n".join(cluster_facts(view, cluster, now))))
        self._list_runs(view, cluster)
        self._follow(view, cluster)

    def _say(self, where: str, words: Content) -> None:
        label = self.query_one(where, Label)
        if label.content != words:
            label.update(words)

    def _list_runs(self, view: View, cluster: Cluster) -> None:
        runs = sorted(
            view.runs_on.get(cluster.name, ()), key=lambda r: r.started_at or 0.0, reverse=True
        )[:_MOST_RUNS]
        lines = run_lines(view, runs)
        if self._listed == (cluster.name, lines):
            return
        options = self.query_one(OptionList)
        at = options.highlighted if self._listed[0] == cluster.name else None
        self._listed = cluster.name, lines
        options.set_options(
            [Option(line, id=run.id) for line, run in zip(lines, runs, strict=True)]
        )
        if runs:
            options.highlighted = min(at or 0, len(runs) - 1)

    def _follow(self, view: View, cluster: Cluster) -> None:
        run = running_on(view, cluster)
        if run is not None:
            path, title = self._paths.run_log(run.id), f"log {run.id}"
        else:
            path, title = self._paths.setup_log(cluster.name), f"set-up of {cluster.name}"
        self.query_one(LogPane).follow(path, title)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give the experiment of the run."""
        run = self._newest().runs.get(event.option.id or "")
        self.dismiss(run.experiment if run is not None else None)

    def action_log(self) -> None:
        """Show the log of what it runs, or of its set-up, in the place of its runs, or these."""
        self.toggle_class("-log")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nobody to ask: nothing is offered."""
        return self._ask is not None if action in ("act", "scale") else True

    def action_act(self, do: str) -> None:
        """Have the chosen cluster drained, replaced or tried again."""
        if (cluster := self.query_one(Strips).chosen) is not None and self._ask is not None:
            done = {
                "drain": f"{cluster.name} finishes what it runs, and goes",
                "replace": f"{cluster.name} finishes what it runs and goes; another one comes",
                "wake": f"{cluster.name} is tried again",
            }
            self._ask(FleetAct(done[do], do, {"cluster": cluster.name}))

    def action_scale(self, more: int) -> None:
        """Have one more of the chosen cluster's kind, or one fewer."""
        if (cluster := self.query_one(Strips).chosen) is not None and self._ask is not None:
            kind = cluster.accelerator
            alike = [c for c in self._newest().clusters if c.accelerator == kind and _stays(c)]
            count = max(len(alike) + more, 0)
            done = f"{count} of {kind} wanted, {len(alike)} before"
            self._ask(FleetAct(done, "scale", {"accelerators": kind, "count": count}))


_HINTS = "j k clusters  [ ] longer, shorter  l log  tab runs  ⏎ opens  esc"
_ACTS = "D drain  R replace  W try again  + - more, fewer"


def _whole(view: View, now: float, width: int) -> Content:
    """All of them together, what they cost, and what the signs mean."""
    there = [c for c in view.clusters if c.status is not ClusterStatus.GONE]
    hourly, spent = sum(c.price for c in there), sum(c.cost for c in view.clusters)
    money = f"${hourly:.2f} an hour, ${spent:.2f} so far" if hourly or spent else ""
    signs = Content("  ").join(
        Content.assemble((each.sign, each.style), f" {each.word}") for each in LEGEND
    )
    segments = [
        Segment(0, Content.styled(f"{len(there)} clusters", "bold")),
        Segment(1, Content(f"busy {percent(view.busy(now))}")),
        Segment(2, Content(money)),
        Segment(3, signs),
    ]
    return fit([each for each in segments if each.content.plain], width, "   ")


def _stays(cluster: Cluster) -> bool:
    return cluster.status not in (ClusterStatus.DRAINING, ClusterStatus.GONE)
