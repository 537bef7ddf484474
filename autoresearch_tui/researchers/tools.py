"""What whoever proposes can do: tools that answer at once, a refusal with its reason."""

import itertools
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from pydantic import ValidationError

from autoresearch_tui.code.likeness import most_alike
from autoresearch_tui.code.proposals import edits_from_json, proposal_from_json
from autoresearch_tui.domain import Experiment, ExperimentStatus, Proposal, Scalar
from autoresearch_tui.errors import AutoresearchError, EditError, ResearcherError
from autoresearch_tui.judge.compare import difference
from autoresearch_tui.plain import plain
from autoresearch_tui.researchers import literature, table
from autoresearch_tui.researchers.base import Desk
from autoresearch_tui.researchers.tool_inputs import (
    TOOLS,
    WAIT,
    AskOptimizer,
    Axis,
    Cancel,
    CheckIdea,
    Compare,
    Curve,
    Grid,
    Input,
    Log,
    Propose,
    Query,
    Read,
    ReadNotepad,
    Repeat,
    Search,
    Wait,
    WriteNotepad,
)

_MOST_TEXT = 24_000
"""Characters of one answer."""

_SHOWN_CALL, _SHOWN_ANSWER = 2_000, 1_500
"""Characters of a call, and of what is answered, that the operator is shown."""

_MOST_GRID = 64

Do = Callable[[Any], Awaitable[str]]
"""Does what a tool is for; takes its checked input."""


class Tools:
    """Tools at a desk: those of `inputs`, of which `more` does what is not done here."""

    def __init__(
        self,
        desk: Desk,
        *,
        minimize: bool,
        inputs: Mapping[str, type[Input]] = TOOLS,
        more: Mapping[str, Do] | None = None,
    ) -> None:
        self._desk = desk
        self._minimize = minimize
        self._inputs = inputs
        self._do: Mapping[str, Do] = {
            "propose": self._propose,
            "read": self._read,
            "query": self._query,
            "log": self._log,
            "curve": self._curve,
            "compare": self._compare,
            "check_idea": self._check_idea,
            "ask_optimizer": self._ask_optimizer,
            "read_notepad": self._read_notepad,
            "write_notepad": self._write_notepad,
            "cancel": self._cancel,
            "repeat": self._repeat,
            "search_literature": self._search,
            WAIT: self._wait,
            **(more or {}),
        }

    async def call(self, name: str, given: object) -> tuple[str, bool]:
        """What a tool answers, and whether that is a refusal; both are let read."""
        self._desk.think("call", f"{name} {json.dumps(given)}"[:_SHOWN_CALL])
        text, is_refused = await self._answer(name, given)
        self._desk.think("answer", text[:_SHOWN_ANSWER])
        return text, is_refused

    async def _answer(self, name: str, given: object) -> tuple[str, bool]:
        if name not in self._inputs:
            return f"{name}: there is no such tool; there are: {', '.join(self._inputs)}", True
        try:
            found = self._inputs[name].model_validate(given)
            return (await self._do[name](found))[:_MOST_TEXT], False
        except ValidationError as error:
            return _refusal(error), True
        except AutoresearchError as error:
            return str(error), True

    async def _propose(self, given: Propose) -> str:
        proposals: list[Proposal] = []
        refused: list[str] = []
        ideas = [(idea.title, idea.model_dump(exclude_none=True)) for idea in given.experiments]
        for title, idea in [*ideas, *(_grid(given.grid) if given.grid is not None else ())]:
            try:
                proposals.append(proposal_from_json(idea))
            except EditError as error:
                refused.append(f"{title}: refused: {error}")
        if not proposals and not refused:
            raise ResearcherError("propose: neither `experiments` nor `grid` has anything in it")
        found = await self._desk.propose(proposals)
        return "\n".join([*map(_admitted, found), *refused])

    async def _read(self, given: Read) -> str:
        library = self._desk.library
        if given.diff:
            return _data(f"diff of {given.experiment}", await library.diff(given.experiment))
        if given.path is not None:
            text = await library.file(given.experiment, given.path)
            return _data(f"{given.path} of {given.experiment}", text)
        files = await library.files(given.experiment)
        parts = (_data(f"{path} of {given.experiment}", text) for path, text in files.items())
        return "\n".join(parts)

    async def _query(self, given: Query) -> str:
        found = [e for e in await self._desk.library.experiments() if _fits(e, given)]
        if given.sum_up_by is not None:
            return _summed_up(found, given.sum_up_by, minimize=self._minimize)
        if given.sort != "number":
            # The best first: the lowest value of some metrics, and always the highest gain.
            lowest = given.sort == "value" and self._minimize
            measured = [e for e in found if getattr(e, given.sort) is not None]
            found = sorted(measured, key=lambda e: getattr(e, given.sort), reverse=not lowest)
        elif given.newest_first:
            found.reverse()
        lines = [table.line(each) for each in found[: given.limit]]
        return "\n".join([f"{len(found)} found", table.HEAD, *lines])

    async def _log(self, given: Log) -> str:
        run, text = await self._desk.library.log(given.experiment)
        lines = plain(text.replace("\r", "\n")).splitlines()
        if given.grep is not None:
            try:
                pattern = re.compile(given.grep)
            except re.error as error:
                raise ResearcherError(f"grep: not a regular expression: {error}") from None
            lines = [line for line in lines if pattern.search(line[:2000])]
        shown = "\n".join(line[:500] for line in lines[-given.lines :])
        return _data(f"the output of {run}, {len(lines)} lines", shown)

    async def _curve(self, given: Curve) -> str:
        points = await self._desk.library.curve(given.experiment)
        step = max(len(points) // 20, 1)
        lines = [f"{p.fraction:6.1%} step {p.step}: {p.loss:.4f}" for p in points[::step]]
        return "\n".join(lines) or f"{given.experiment}: no run of it has a curve yet"

    async def _compare(self, given: Compare) -> str:
        library = self._desk.library
        first = {j.accelerator: j for j in await library.judgements(given.a)}
        second = {j.accelerator: j for j in await library.judgements(given.b)}
        noise = await library.noise()
        lines: list[str] = []
        for kind in sorted(first.keys() & second.keys()):
            a, b = first[kind], second[kind]
            if a.value is None or b.value is None:
                continue
            runs = (a.runs, b.runs)
            apart = difference(a.value, b.value, runs, noise, minimize=self._minimize).words
            lines.append(
                f"{kind}: {given.a} {a.value:.6f} ({a.runs} runs), {given.b} {b.value:.6f} "
                f"({b.runs} runs); {given.b} is {apart}"
            )
        if not lines:
            raise ResearcherError(
                f"{given.a} and {given.b} have no measured accelerator type in common: "
                f"{', '.join(first) or 'none'} and {', '.join(second) or 'none'}"
            )
        return "\n".join(lines)

    async def _check_idea(self, given: CheckIdea) -> str:
        found = await self._desk.library.experiments()
        same = [
            each
            for each in found
            if given.constants
            and all(each.constants.get(n) == value for n, value in given.constants.items())
        ]
        alike = sorted(
            ((_likeness(given.words, each), each) for each in found if not each.is_baseline),
            key=lambda pair: -pair[0],
        )
        lines = [f"{len(same)} with just these constants:", *map(table.line, same[:10])]
        if given.edits:
            edits = edits_from_json([edit.model_dump(exclude_none=True) for edit in given.edits])
            near = most_alike(edits, found, 8)
            lines += ["alike in what they change, 1 is the same:"]
            lines += [f"{share:.2f}  {table.line(each)}" for share, each in near]
        lines += ["alike in words:", *(table.line(e) for share, e in alike[:8] if share > 0.3)]
        return "\n".join(lines)

    async def _ask_optimizer(self, given: AskOptimizer) -> str:
        return await self._desk.library.optimizer() or "The optimiser has not said anything yet."

    async def _read_notepad(self, given: ReadNotepad) -> str:
        note = await self._desk.library.notepad()
        return f"version {note.version}\n{note.text}"

    async def _write_notepad(self, given: WriteNotepad) -> str:
        return f"version {await self._desk.write_notepad(given.text, given.version)}"

    async def _cancel(self, given: Cancel) -> str:
        await self._desk.cancel(given.experiment)
        return f"{given.experiment} is taken back"

    async def _repeat(self, given: Repeat) -> str:
        await self._desk.repeat(given.experiment, given.runs)
        return f"{given.experiment} will have {given.runs} runs"

    async def _search(self, given: Search) -> str:
        papers = await literature.search(given.query, given.limit)
        return _data("arXiv", "\n\n".join(papers) or "nothing found")

    async def _wait(self, given: Wait) -> str:
        return "You are asked again when there is news."


def _refusal(error: ValidationError) -> str:
    lines = [
        f"{'.'.join(map(str, each['loc'])) or 'the input'}: {each['msg']}"
        for each in error.errors()[:5]
    ]
    return "; ".join(lines)


def _grid(grid: Grid) -> list[tuple[str, dict[str, Any]]]:
    """The proposals of a grid."""
    count = 1
    for axis in grid.axes:
        count *= len(axis.values)
    if count > _MOST_GRID:
        raise ResearcherError(f"grid: {count} combinations; at most {_MOST_GRID} in one wave")
    shared = grid.model_dump(exclude_none=True, exclude={"axes", "edits"})
    edits = [each.model_dump(exclude_none=True) for each in grid.edits or ()]
    made: list[tuple[str, dict[str, Any]]] = []
    for values in itertools.product(*(axis.values for axis in grid.axes)):
        pairs = list(zip(grid.axes, values, strict=True))
        named = ", ".join(f"{axis.constant} {value}" for axis, value in pairs)
        its = [_turned(axis, value) for axis, value in pairs]
        title = f"{grid.title}: {named}"[:120]
        made.append((title, shared | {"title": title, "edits": [*edits, *its]}))
    return made


def _turned(axis: Axis, value: Scalar) -> dict[str, Any]:
    edit: dict[str, Any] = {"constant": axis.constant, "value": value}
    return edit | {"file": axis.file} if axis.file else edit


def _admitted(experiment: Experiment) -> str:
    if experiment.status is ExperimentStatus.REJECTED:
        return f"{experiment.title}: refused as {experiment.id}: {experiment.why}"
    waits = " and waits for approval" if experiment.status is ExperimentStatus.PROPOSED else ""
    return f"{experiment.title}: taken as {experiment.id}{waits}"


def _fits(experiment: Experiment, given: Query) -> bool:
    words = (given.words or "").lower().split()
    text = f"{experiment.title} {experiment.hypothesis}".lower()
    return (
        (given.verdict is None or experiment.verdict == given.verdict)
        and (given.status is None or experiment.status == given.status)
        and (given.origin is None or experiment.origin == given.origin)
        and (given.accelerator is None or experiment.accelerator == given.accelerator)
        and all(word in text for word in words)
    )


def _summed_up(found: Sequence[Experiment], by: str, *, minimize: bool) -> str:
    groups: defaultdict[str, list[Experiment]] = defaultdict(list)
    for each in found:
        if by in ("origin", "verdict", "accelerator"):
            groups[str(getattr(each, by))].append(each)
        elif by in each.constants:
            groups[str(each.constants[by])].append(each)
    if not groups:
        raise ResearcherError(f"sum_up_by: no experiment has {by!r}")
    lines: list[str] = []
    for name, its in sorted(groups.items()):
        values = [each.value for each in its if each.value is not None]
        best = (min if minimize else max)(values) if values else None
        told = (
            f", best {best:.6f}, median {statistics.median(values):.6f}" if best is not None else ""
        )
        lines.append(f"{by} {name}: {len(its)} experiments, {len(values)} measured{told}")
    return "\n".join(lines)


def _likeness(words: str, experiment: Experiment) -> float:
    text = f"{experiment.title} {experiment.hypothesis[:200]}".lower()
    return SequenceMatcher(None, words.lower()[:300], text).ratio()


def _data(source: str, text: str) -> str:
    """Marked as what it is; its own marks cannot end it."""
    inside = text[: _MOST_TEXT - 500].replace("</data>", "<\\/data>")
    return f'<data from="{source}">\n{inside}\n</data>'
