"""What the tools of whoever proposes take: checked field by field, and nothing else is taken.

The docstring of each says to a model what its tool is for.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

WAIT = "wait_for_news"
"""The tool that ends a turn."""


class Input(BaseModel):
    """What a tool takes; anything else is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class EditInput(Input):
    """Give `constant` of `file` the literal `value`, or replace the text `search`, which must stand
    exactly once in `file`, by `replace`."""

    file: str | None = None
    constant: str | None = None
    value: bool | int | float | str | None = None
    search: str | None = None
    replace: str | None = None


class Idea(Input):
    """One experiment."""

    title: str
    hypothesis: str
    edits: list[EditInput]
    expected: str | None = None
    parent: Annotated[str | None, Field(description="an experiment; else the incumbent")] = None
    priority: int | None = None
    accelerator: Annotated[
        str | None,
        Field(
            description="the only type to run on; to confirm there what another type has shown, "
            "name the same parent and give the same edits"
        ),
    ] = None


class Axis(Input):
    """One constant and the values that it takes in a grid."""

    constant: str
    values: Annotated[list[bool | int | float | str], Field(min_length=1, max_length=16)]
    file: str | None = None


class Grid(Input):
    """Every combination of the values of all axes, an experiment each, on top of `edits`."""

    title: str
    hypothesis: str
    axes: Annotated[list[Axis], Field(min_length=1, max_length=4)]
    edits: list[EditInput] | None = None
    expected: str | None = None
    parent: str | None = None
    priority: int | None = None
    accelerator: str | None = None


class Propose(Input):
    """Propose experiments, together one wave: `experiments`, or a `grid` of constants, or both."""

    experiments: list[Idea] = Field(default_factory=list[Idea])
    grid: Grid | None = None


class Read(Input):
    """Read a file as an experiment has it, or with `diff` what the experiment changed."""

    experiment: str
    path: str | None = None
    diff: bool = False


class Query(Input):
    """Find experiments: filter and sort, or sum up by a constant, origin, verdict, accelerator."""

    verdict: Literal["keep", "discard", "crash", "inconclusive"] | None = None
    status: str | None = None
    origin: str | None = None
    accelerator: str | None = None
    words: Annotated[str | None, Field(description="all must stand in title or hypothesis")] = None
    sort: Literal["number", "value", "gain"] = "number"
    newest_first: bool = False
    limit: Annotated[int, Field(ge=1, le=200)] = 40
    sum_up_by: Annotated[str | None, Field(description="a constant's name, or a field")] = None


class Log(Input):
    """Read what the newest run of an experiment printed: its end, or lines that match `grep`."""

    experiment: str
    lines: Annotated[int, Field(ge=1, le=400)] = 60
    grep: Annotated[str | None, Field(max_length=200, description="a regular expression")] = None


class Curve(Input):
    """The training loss of an experiment's newest run, at up to twenty points of its budget."""

    experiment: str


class Compare(Input):
    """Compare two experiments on each accelerator type that both were measured on."""

    a: str
    b: str


class CheckIdea(Input):
    """Find what was tried that is like an idea: the same constants, the same edits, or words."""

    words: str
    constants: dict[str, bool | int | float | str] = Field(
        default_factory=dict[str, bool | int | float | str]
    )
    edits: list[EditInput] | None = None


class WriteNotepad(Input):
    """Write the whole notepad anew; `version` is that of the one it replaces."""

    text: str
    version: int


class Cancel(Input):
    """Take back an experiment of your own that has no verdict yet."""

    experiment: str


class Repeat(Input):
    """Have an experiment measured again, until it has `runs` runs in all."""

    experiment: str
    runs: int


class Search(Input):
    """Search arXiv: titles, years and abstracts."""

    query: Annotated[str, Field(min_length=2, max_length=300)]
    limit: Annotated[int, Field(ge=1, le=10)] = 5


class ReadNotepad(Input):
    """Read the notepad as it is now."""


class AskOptimizer(Input):
    """What the optimiser has found out about its constants: importances, and where it looks."""


class Wait(Input):
    """End this turn; you are asked again when more is wanted, or the operator speaks."""


class LookAtStudy(Input):
    """How the study stands: the research brief, the best, experiments, notepad, the operator's
    words, and how many experiments are wanted. Call it first."""


class SayAloud(Input):
    """Let the operator read what you think, or what you are about to do, in a few sentences."""

    text: Annotated[str, Field(min_length=1, max_length=8_000)]


class WaitForNews(Input):
    """Wait until experiments have been judged or the operator speaks, at most so many seconds; then
    go on. Propose first: the clusters need work while you wait."""

    seconds: Annotated[int, Field(ge=1, le=600)] = 50


TOOLS: Mapping[str, type[Input]] = {
    "propose": Propose,
    "read": Read,
    "query": Query,
    "log": Log,
    "curve": Curve,
    "compare": Compare,
    "check_idea": CheckIdea,
    "ask_optimizer": AskOptimizer,
    "read_notepad": ReadNotepad,
    "write_notepad": WriteNotepad,
    "cancel": Cancel,
    "repeat": Repeat,
    "search_literature": Search,
    WAIT: Wait,
}
"""Of a researcher that the engine asks."""

OUTSIDE_TOOLS: Mapping[str, type[Input]] = {
    "look_at_study": LookAtStudy,
    **TOOLS,
    "say_aloud": SayAloud,
    WAIT: WaitForNews,
}
"""Of an agent that comes by itself."""


def described(tools: Mapping[str, type[Input]]) -> list[dict[str, Any]]:
    """Tools as the Messages API takes them."""
    return [
        {
            "name": name,
            "description": " ".join((kind.__doc__ or "").split()),
            "input_schema": kind.model_json_schema(),
        }
        for name, kind in tools.items()
    ]
