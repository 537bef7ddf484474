"""What a model says comes in pieces, and is shown as it was said."""

from textual.app import App, ComposeResult

from autoresearch_tui.domain import Event, Thought
from autoresearch_tui.tui.widgets.reasoning import ReasoningPane


class PaneApp(App[None]):
    def compose(self) -> ComposeResult:
        yield ReasoningPane()


def thought(seq: int, kind: str, text: str, turn: int = 1) -> Thought:
    return Thought(seq, turn, float(seq), "llm", kind, text)


async def test_pieces_flow_together_and_wrap_as_one_line():
    async with PaneApp().run_test(size=(40, 20)) as pilot:
        pane = pilot.app.query_one(ReasoningPane)
        pane.add([thought(1, "thinking", "The learning "), thought(2, "thinking", "rate is")], [])
        pane.add([thought(3, "thinking", " far too high for this width of the mo")], [])
        pane.add([thought(4, "thinking", "del.\nSo lower it"), thought(5, "says", "Lower.")], [])
        pane.add([], [Event(6, 6.0, "operator.said", "op", "", "stop\nthat")])
        pane.add([thought(7, "says", "Well.")], [])
        said = [text for text, _ in pane._source][1:]
        assert said == [
            "The learning rate is far too high for this width of the model.",
            "So lower it",
            "Lower.",
            "→ op says: stop",
            "that",
            "Well.",
        ]
        drawn = "".join(text for text, _ in pane._rows)
        assert drawn.replace(" ", "").count("widthofthemodel.") == 1
