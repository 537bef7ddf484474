"""The clusters one by one: all that is known of each, and the acts on them."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from autoresearch_tui.domain import Cluster, ClusterStatus
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.view import View


@dataclass(frozen=True, slots=True)
class FleetAct:
    """A request about clusters, and what is said once it is done."""

    done: str
    do: str
    args: dict[str, object]


class FleetScreen(ModalScreen[FleetAct | None]):
    """Gives what the operator wants done, or None."""

    DEFAULT_CSS = """
    FleetScreen .dialog { height: 90%; }
    FleetScreen OptionList {
        height: 1fr; border: none; padding: 0; text-wrap: nowrap; text-overflow: ellipsis;
    }
    FleetScreen #facts { height: auto; max-height: 8; margin-top: 1; }
    """
    BINDINGS = [
        Binding("D", "act('drain')", "drain"),
        Binding("R", "act('replace')", "replace"),
        Binding("W", "act('wake')", "try again"),
        Binding("plus", "scale(1)", "one more"),
        Binding("minus", "scale(-1)", "one fewer"),
        Binding("j", "down", "down", show=False),
        Binding("k", "up", "up", show=False),
        Binding("escape,C,q", "dismiss(None)", "back"),
    ]

    def __init__(self, view: View, now: float) -> None:
        super().__init__()
        self._clusters = [c for c in view.clusters if c.status is not ClusterStatus.GONE]
        self._view = view
        self._now = now

    def compose(self) -> ComposeResult:
        """A line a cluster, and all of the chosen one below."""
        with Vertical(classes="dialog tall"):
            yield Label(Content.styled(f"Clusters  {self._whole()}", "bold"))
            yield OptionList(*(Option(self._line(each), id=each.name) for each in self._clusters))
            yield Label(self._facts(), id="facts", markup=False)
            yield Label(_HINT, classes="hint")

    def on_option_list_option_highlighted(self) -> None:
        """Show all of the one that the cursor is on."""
        self.query_one("#facts", Label).update(self._facts())

    def action_down(self) -> None:
        """To the next one."""
        self._list.action_cursor_down()

    def action_up(self) -> None:
        """To the one before."""
        self._list.action_cursor_up()

    def action_act(self, do: str) -> None:
        """Have the chosen cluster drained, replaced or tried again."""
        if (cluster := self._chosen) is not None:
            done = {
                "drain": f"{cluster.name} finishes what it runs, and goes",
                "replace": f"{cluster.name} finishes what it runs and goes; another one comes",
                "wake": f"{cluster.name} is tried again",
            }
            self.dismiss(FleetAct(done[do], do, {"cluster": cluster.name}))

    def action_scale(self, more: int) -> None:
        """Have one more of the chosen cluster's kind, or one fewer."""
        if (cluster := self._chosen) is not None:
            kind = cluster.accelerator
            alike = [c for c in self._clusters if c.accelerator == kind and _stays(c)]
            count = max(len(alike) + more, 0)
            done = f"{count} of {kind} wanted, {len(alike)} before"
            self.dismiss(FleetAct(done, "scale", {"accelerators": kind, "count": count}))

    def _whole(self) -> str:
        """All of them together, and what they cost."""
        hourly = sum(c.price for c in self._clusters)
        spent = sum(c.cost for c in self._view.clusters)
        money = f", ${hourly:.2f} an hour, ${spent:.2f} so far" if hourly or spent else ""
        return f"{len(self._clusters)}{money}"

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    @property
    def _chosen(self) -> Cluster | None:
        at = self._list.highlighted if self.is_mounted else 0
        return self._clusters[at] if at is not None and at < len(self._clusters) else None

    def _line(self, cluster: Cluster) -> Content:
        price = f"${cluster.price:.2f}/h" if cluster.price else ""
        return Content(
            f"{cluster.name:<14.14} {cluster.accelerator:<12.12} {cluster.status:<12} {price:<9} "
            f"{cluster.suspected or cluster.note}"
        )

    def _facts(self) -> str:
        cluster = self._chosen
        if cluster is None:
            return "no clusters"
        up = cluster.up_at
        facts = (
            ("node", cluster.node),
            ("telemetry", self._view.telemetry.get(cluster.name, "")),
            ("up", duration(self._now - up) if up is not None else ""),
            ("spent", f"${cluster.cost:.2f}" if cluster.cost else ""),
            ("time", self._view.split(cluster, self._now).words),
            ("suspected", cluster.suspected),
            ("note", cluster.note),
        )
        return "\n".join(f"{name:<10} {text}" for name, text in facts if text) or "nothing to say"


_HINT = "D drain  R replace  W try again  + one more like it  - one fewer  esc"


def _stays(cluster: Cluster) -> bool:
    return cluster.status not in (ClusterStatus.DRAINING, ClusterStatus.GONE)
