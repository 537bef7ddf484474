"""The words of one cluster's tile: what it does, how far it is, whether it idles. Pure."""

from textual.content import Content

from autoresearch_tui.domain import Cluster, ClusterStatus, Progress, Run, RunStatus
from autoresearch_tui.spoken import duration, percent
from autoresearch_tui.tui.curves import falling, loss_at
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.words import bar

_STATES = {
    ClusterStatus.PROVISIONING: ("◌ starting", "$warning"),
    ClusterStatus.SETTING_UP: ("◌ set-up", "$warning"),
    ClusterStatus.UP: ("● up", "$success"),
    ClusterStatus.DRAINING: ("◌ draining", "$quiet"),
    ClusterStatus.FAILED: ("▲ failed", "$error bold"),
    ClusterStatus.STOPPED: ("■ stopped", "$quiet"),
    ClusterStatus.GONE: ("■ gone", "$quiet"),
}

_LEFT = 10
"""Cells for the time that a run has left."""

_FALLING = 8
"""Cells for how its loss went."""


def state_of(cluster: Cluster, *, is_running: bool) -> tuple[str, str]:
    """How a cluster is, a sign and a word, and the style of both."""
    if cluster.suspected:
        return "▲ suspect", "$warning"
    if cluster.status is ClusterStatus.UP and not is_running:
        return "○ idle", "$quiet"
    return _STATES[cluster.status]


class Tile:
    """One cluster in a card of three lines, or in a row."""

    def __init__(self, cluster: Cluster, view: View, now: float) -> None:
        self.cluster = cluster
        self._view = view
        self._now = now
        mine = view.active_on.get(cluster.name, ())
        self.run = next((run for run in mine if run.status is RunStatus.RUNNING), None)
        self._queue = len(mine) - (self.run is not None)

    @property
    def state(self) -> tuple[str, str]:
        """A sign and a word, and the style of both."""
        return state_of(self.cluster, is_running=self.run is not None)

    @property
    def trouble(self) -> str:
        """What is wrong with a cluster that is up, if anything is."""
        note = self.cluster.note if self.cluster.status is ClusterStatus.UP else ""
        return self.cluster.suspected or note

    def card(self, width: int) -> list[Content]:
        """Three lines."""
        return [self._name(width), self._title(width), self._progress(width)]

    def row(self, width: int, name: int) -> list[Content]:
        """One line; the name gets `name` cells."""
        word, style = self.state
        # What is as it should be needs no word.
        said = word[0] if self.run is not None and not self.trouble else word
        head = Content.assemble((f"{self.cluster.name:<{name}.{name}}", "bold"), " ", (said, style))
        if width >= 60:
            head = head.append(Content.styled(f" {self.cluster.accelerator}", "$quiet"))
        if self.run is None or self.trouble:
            rest = self._title(max(width - head.cell_length - 1, 1))
            return [padded(Content(" ").join([head, rest]), width)]
        cells, room = (6, 6) if width < 50 else (12, _LEFT)
        left = f"{self._left(self._view.progress.get(self.run.id), self.run):<{room}.{room}}"
        parts = [head, Content.styled(bar(self._fraction(), cells), "$primary"), Content(left)]
        if width >= 80:
            parts.append(Content.styled(f"{self._loss():<24}", "$quiet"))
        if width >= 100:
            parts.append(Content.styled(f"{self._falling():<{_FALLING}}", "$quiet"))
        used = sum(part.cell_length + 1 for part in parts)
        return [padded(Content(" ").join([*parts, self._title(max(width - used, 8))]), width)]

    def _name(self, width: int) -> Content:
        cluster = self.cluster
        head = Content.assemble((cluster.name, "bold"), f" {cluster.accelerator} ", self.state)
        busy = self._view.busy(self._now, cluster.name)
        cost = f"${cluster.cost:.2f}  " if cluster.price or cluster.cost else ""
        tail = Content.styled(f"{cost}busy {percent(busy)}", "$quiet")
        space = width - head.cell_length - tail.cell_length
        return head.pad_right(space).append(tail) if space > 0 else padded(head, width)

    def _title(self, width: int) -> Content:
        if self.trouble:
            return padded(Content.styled(f"▲ {self.trouble}", "$warning"), width)
        if self.run is None:
            return padded(Content.styled(self.cluster.note or "–", "$quiet"), width)
        experiment = self._view.by_id.get(self.run.experiment)
        title = experiment.title if experiment is not None else ""
        return padded(Content.assemble((self.run.id, "$primary"), f" {title}"), width)

    def _progress(self, width: int) -> Content:
        run = self.run
        if run is None:
            return padded(Content.styled(f"{self._queue} queued", "$quiet"), width)
        left = self._left(self._view.progress.get(run.id), run)
        words = f" {left:<{_LEFT}} +{self._queue} queued"
        telemetry = self._view.telemetry.get(self.cluster.name, "").split("  ")
        # How it learns comes first, then how its runs are executed, then what its accelerators say.
        for said in (self._loss(), self._falling(), *reversed(telemetry)):
            if said and width >= len(words) + len(said) + 17:
                words += f"  {said}"
        drawn = bar(self._fraction(), max(width - len(words), 6))
        return padded(Content.assemble((drawn, "$primary"), (words, "$quiet")), width)

    def _loss(self) -> str:
        """The newest loss, and what the best run of its type had at the same share."""
        run = self.run
        progress = self._view.progress.get(run.id) if run is not None else None
        if run is None or progress is None or progress.loss is None:
            return ""
        curve = self._view.best_curves.get(run.accelerator or "", ())
        best = loss_at(curve, progress.fraction)
        told = f"loss {progress.loss:.4f}"
        return told if best is None else f"{told}, best {best:.4f}"

    def _falling(self) -> str:
        """How the loss went up to now."""
        return falling(self._view.curves.get(self.run.id, ()), _FALLING) if self.run else ""

    def _fraction(self) -> float:
        progress = self._view.progress.get(self.run.id) if self.run else None
        return progress.fraction if progress is not None else 0.0

    def _left(self, progress: Progress | None, run: Run) -> str:
        if progress is None or progress.remaining is None:
            return f"{duration(self._now - (run.started_at or self._now))} in"
        if progress.fraction >= 1:
            return "evaluates"
        return f"{duration(progress.remaining)} left"


def padded(content: Content, width: int) -> Content:
    """A line of `width` cells, cut or filled up."""
    if content.cell_length > width:
        return content.truncate(max(width, 1), ellipsis=True)
    return content.pad_right(width - content.cell_length)
