"""All that can be done in the cockpit, once: keys, palette, footer and help are made from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do: the action of Textual's that does it, its keys, and what it does in words.

    `label` is for the footer; without one the command stands in palette and help alone.
    """

    action: str
    keys: str
    words: str
    label: str = ""
    is_offered: bool = True

    @property
    def shown_keys(self) -> str:
        """The keys as a reader knows them."""
        return " ".join(_NAMES.get(key, key) for key in self.keys.split(","))


_NAMES = {
    "question_mark": "?",
    "escape": "esc",
    "enter": "⏎",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "slash": "/",
    "exclamation_mark": "!",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "plus": "+",
    "minus": "-",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "space": "space",
}

DECIDE = (
    Command("approve", "A", "approve the chosen proposal, or all that are marked", "approve"),
    Command("veto", "V", "veto it, or the marked; the researcher is told why", "veto"),
    Command("edit", "I", "change it in $EDITOR first: the new one is proposed, this one vetoed"),
    Command("priority(10)", "greater_than_sign", "let it run sooner"),
    Command("priority(-10)", "less_than_sign", "let it run later"),
    Command("steer", "R", "tell the model or the agents something; they hear it at once", "tell"),
    Command("approval", "M", "approval mode: auto, veto (a countdown), manual", "mode"),
    Command("pause", "P", "pause: no further run starts, running ones end", "pause"),
    Command("resume", "P", "go on after a pause", "resume"),
    Command("cancel_run", "X", "cancel the chosen experiment's run; asks", "cancel"),
    Command("stop", "S", "stop the study; asks", "stop"),
    Command("start_engine", "E", "start the engine where none runs", "engine"),
    Command("undo", "u", "take back the last of A, M and P, for some seconds"),
)
"""What changes the study: capitals."""

ACTS = frozenset(command.action.partition("(")[0] for command in DECIDE)
"""Their actions, as Textual asks about them."""

OPENS_A_LINE = frozenset({"veto", "steer", "search", "filter"})
"""Actions after which the operator types a text."""

LOOK = (
    Command("pane('scatter')", "1", "results"),
    Command("pane('reasoning')", "2", "reasoning"),
    Command("pane('experiments')", "3", "experiments"),
    Command("pane('log')", "4", "log"),
    Command("pane('details')", "5", "details and diff"),
    Command("zoom", "z", "one pane over the whole screen, or back"),
    Command("resize(1, 0)", "ctrl+right", "the left panes wider"),
    Command("resize(-1, 0)", "ctrl+left", "the right panes wider"),
    Command("resize(0, 1)", "ctrl+down", "the upper panes higher"),
    Command("resize(0, -1)", "ctrl+up", "the lower panes higher"),
    Command("live", "escape", "one step back: marks, what was chosen, to what happens now"),
    Command("next_waiting", "w", "choose the next proposal that waits"),
    Command("best", "b", "choose the best"),
    Command("trouble", "exclamation_mark", "choose the next crash or refusal"),
    Command("step(-1)", "left_square_bracket", "the experiment before, by number"),
    Command("step(1)", "right_square_bracket", "the experiment after it"),
    Command("filter", "f", "filter the list by a query line"),
    Command("sort", "s", "sort the list: as it comes, by value, gain, number, lineage"),
    Command("search", "slash", "search in this pane"),
    Command("search_next(1)", "n", "the next that is found"),
    Command("search_next(-1)", "N", "the one before"),
    Command("compare", "c", "compare those that are marked, or the chosen one with the best"),
    Command(
        "clusters", "i,C", "the clusters: their time, runs, logs; drain, replace, more", "clusters"
    ),
    Command("researchers", "r", "the researchers: yields, turns, notepad", "turns"),
    Command("events", "e", "the record: who did what to what, when"),
    Command("settings", "v", "the settings: what is in force, what the file says"),
    Command("copy", "y", "copy id, commit, value and title"),
    Command("pager", "o", "open what the pane holds in $PAGER"),
    Command("axis", "t", "results over their order, time, hours of clusters, or dollars"),
    Command("help", "question_mark", "what the keys do", "help"),
    Command("app.toggle_theme", "T", "dark or light"),
    Command("desktop", "ctrl+n", "tell the desktop too when something waits (OSC 9), or not"),
    Command("app.redraw", "ctrl+l", "draw all anew, where something else has written"),
    Command("app.quit", "q", "leave; the study goes on", "leave"),
)
"""What only looks."""

LIST = (
    Command("move(-1)", "up,k", "up", is_offered=False),
    Command("move(1)", "down,j", "down", is_offered=False),
    Command("move(-10)", "pageup", "ten up", is_offered=False),
    Command("move(10)", "pagedown", "ten down", is_offered=False),
    Command("move(-1000000)", "home,g", "to the first", is_offered=False),
    Command("move(1000000)", "end,G", "to the last", is_offered=False),
    Command("open", "enter", "open it: diff, curve, log, reasoning", "open", is_offered=False),
    Command("mark", "space", "mark it, or not; A, V and c act on the marked", is_offered=False),
    Command("mark_wave", "m", "mark its whole wave", is_offered=False),
)
"""What works in the list of experiments."""


PLOT = (
    Command("walk(-1)", "left,h", "the point before"),
    Command("walk(1)", "right,l", "the point after"),
    Command("zoom_in(1)", "plus", "twice as finely, around what is chosen"),
    Command("zoom_in(-1)", "minus", "half as finely"),
    Command("zoom_in(0)", "0", "all of them"),
)
"""What works in the plot."""


PAGE = (
    Command("search", "slash", "search in this page"),
    Command("search_next(1)", "n", "the next that is found"),
    Command("search_next(-1)", "N", "the one before"),
    Command("copy", "y", "copy the whole page"),
    Command("pager", "o", "open it in $PAGER"),
    Command("leave", "escape,q", "back to where one came from"),
)
"""What works in a page of lines, such as the record."""

OPENED = (
    Command("tab('summary')", "1", "what it is and what the judge said"),
    Command("tab('diff')", "2,d", "its diff"),
    Command("tab('curve')", "3", "its training curve, and the best's"),
    Command("tab('log')", "4,l", "the log of its run; ! goes to the next error"),
    Command("tab('reasoning')", "5,r", "the turn that it was proposed in"),
    Command("next_tab(1)", "tab,right", "the next of these"),
    Command("next_tab(-1)", "shift+tab,left", "the one before"),
    Command("run(1)", "full_stop", "the log of its next run"),
    Command("run(-1)", "comma", "the log of its run before"),
    Command("step(-1)", "left_square_bracket", "the experiment before, by number"),
    Command("step(1)", "right_square_bracket", "the experiment after it"),
    Command("best", "b", "the best"),
    Command("search", "slash", "search in this page"),
    Command("search_next(1)", "n", "the next that is found"),
    Command("search_next(-1)", "N", "the one before"),
    Command("copy", "y", "copy what is shown: the diff, the log, or what names it"),
    Command("pager", "o", "open what is shown in $PAGER"),
    Command("leave", "escape,q,enter", "back to where one came from"),
)
"""What works where one experiment is open, beside `DECIDE`."""


def bindings(commands: Iterable[Command]) -> list[BindingType]:
    """The keys of commands; an action's name is the id by which a key map may move it."""
    return [
        Binding(
            command.keys,
            command.action,
            command.label or command.words,
            show=bool(command.label),
            id=command.action.removeprefix("app."),
        )
        for command in commands
    ]


class StudyCommands(Provider):
    """The commands in the palette: those that work now."""

    def _offered(self) -> Sequence[Command]:
        screen = self.screen
        found = [each for each in (*DECIDE, *LOOK) if each.is_offered]
        return [
            each
            for each in found
            if screen.check_action(each.action.partition("(")[0].rpartition(".")[2], ())
        ]

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for each in self._offered():
            yield DiscoveryHit(
                each.words, partial(self.screen.run_action, each.action), help=each.shown_keys
            )

    async def search(self, query: str) -> Hits:
        """Those whose words are like what is typed."""
        matcher = self.matcher(query)
        for each in self._offered():
            if (score := matcher.match(each.words)) > 0:
                run = partial(self.screen.run_action, each.action)
                yield Hit(score, matcher.highlight(each.words), run, help=each.shown_keys)
