"""The cockpit over a recording: the same screen, with a bar that says so, and no acts."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from autoresearch_tui.domain import Experiment
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.operator import Operator
from autoresearch_tui.tui.replay import Replay
from autoresearch_tui.tui.screens.main import MainScreen
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.drawn import Drawn
from autoresearch_tui.tui.words import Segment, bar, fit

_FASTEST, _SLOWEST = 3600.0, 1.0


class ReplayBar(Drawn):
    """How far the recording is, and how fast it goes."""

    DEFAULT_CSS = "ReplayBar { height: 1; padding: 0 1; background: $primary 20%; }"

    def __init__(self, recording: Replay) -> None:
        super().__init__(id="replay")
        self._head = recording.head

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """One line."""
        head = self._head
        gone, whole = now - head.begin, head.end - head.begin
        state = "at its end" if now >= head.end else "held" if head.is_held else ""
        speed = f"{head.speed:.3g} s a second"
        segments = [
            Segment(0, Content.styled("▶ RECORDING, not live", "$accent bold")),
            Segment(1, Content(f"{duration(gone)} of {duration(whole)}")),
            Segment(3, Content.styled(bar(gone / whole, 20), "$primary")),
            Segment(2, Content.styled(state or speed, "$quiet")),
            Segment(4, Content.styled(", slower  . faster  p holds", "$quiet")),
        ]
        return [fit(segments, width)]


class ReplayScreen(MainScreen):
    """Looks like the cockpit; what changes a study is not offered."""

    BINDINGS = [
        Binding("comma", "speed(0.5)", "slower"),
        Binding("full_stop", "speed(2)", "faster"),
        Binding("p", "hold", "hold"),
    ]

    def __init__(
        self,
        paths: StudyPaths,
        recording: Replay,
        operator: Operator,
        diff: Callable[[Experiment], str],
    ) -> None:
        super().__init__(paths, recording, operator, diff)
        self._recording = recording

    def compose(self) -> ComposeResult:
        """The bar over the cockpit."""
        yield ReplayBar(self._recording)
        yield from super().compose()

    def draw(self) -> None:
        """Draw the newest view."""
        super().draw()
        self.query_one(ReplayBar).show(self.view)

    def call_out(self, view: View) -> None:
        """Nothing of a recording waits for anybody."""

    def action_speed(self, factor: float) -> None:
        """Go faster or slower."""
        head = self._recording.head
        head.change(speed=min(max(head.speed * factor, _SLOWEST), _FASTEST))
        self.query_one(ReplayBar).draw()

    def action_hold(self) -> None:
        """Stand still, or go on."""
        head = self._recording.head
        head.change(held=not head.is_held)
        self.query_one(ReplayBar).draw()
