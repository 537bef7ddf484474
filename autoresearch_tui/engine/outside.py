"""Coding agents from outside: at the same desk as all others, through the engine's socket.

What such an agent does between two waits for news is a turn of its, and on record like any other.
"""

import asyncio
import re
from collections.abc import Mapping

from autoresearch_tui.control import Request
from autoresearch_tui.domain import Event, Experiment
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.desk import TurnDesk
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.library import StudyLibrary
from autoresearch_tui.engine.requests import Handler, argument
from autoresearch_tui.engine.stock import Stock
from autoresearch_tui.errors import ControlError
from autoresearch_tui.researchers import table
from autoresearch_tui.researchers.briefing import account, said
from autoresearch_tui.researchers.tool_inputs import (
    OUTSIDE_TOOLS,
    WAIT,
    LookAtStudy,
    SayAloud,
    WaitForNews,
)
from autoresearch_tui.researchers.tools import Tools

_AGENT = "agent"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")

_IDLE_SECONDS = 600.0
"""Without a call, after which an agent's turn is taken to be over."""

_LOOK_SECONDS = 0.25
"""Between two looks for news."""

_ROOM = 60_000
"""Characters in which an agent is told how the study stands."""


class Outside:
    """The agents that have come; those of one name are one researcher."""

    def __init__(self, engine: Engine, admission: Admission) -> None:
        self._engine = engine
        self._admission = admission
        self._visitors: dict[str, _Visitor] = {}

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The acts by their names."""
        return {"tool": self._tool, "resource": self._resource}

    def close(self) -> None:
        """End their turns: the engine goes."""
        for visitor in self._visitors.values():
            visitor.end("cut off: the engine ended")

    async def _tool(self, request: Request) -> object:
        given = request.args.get("input", {})
        name = argument(request, "tool")
        text, is_refused = await self._visitor(request).call(name, given)
        return {"text": text, "refused": is_refused}

    async def _resource(self, request: Request) -> object:
        return {"text": await self._visitor(request).resource(argument(request, "name"))}

    def _visitor(self, request: Request) -> "_Visitor":
        name = str(request.args.get("as") or "")
        if name and not _NAME.fullmatch(name):
            raise ControlError(
                "as: a name has up to 32 of a–z, 0–9, `.`, `_` and `-`, and begins with one of the "
                "first two"
            )
        # Whatever they call themselves, they are told apart from those that the engine asks.
        identity = f"{_AGENT}:{name}" if name else _AGENT
        if identity not in self._visitors:
            self._visitors[identity] = _Visitor(self._engine, self._admission, identity)
        return self._visitors[identity]


class _Visitor:
    """One agent."""

    def __init__(self, engine: Engine, admission: Admission, identity: str) -> None:
        self._engine = engine
        self._admission = admission
        self._identity = identity
        self._stock = Stock(engine, [identity])
        self._library = StudyLibrary(engine)
        self._desk: TurnDesk | None = None
        self._opening = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        # Up to which entry of the record it has been told, and up to which change of the study.
        self._told = 0
        self._seen = engine.store.revision()

    async def call(self, name: str, given: object) -> tuple[str, bool]:
        """What a tool answers, and whether that is a refusal."""
        desk = await self._seat()
        text, is_refused = await self._tools(desk).call(name, given)
        if name != WAIT and (events := await self._words()):
            text = f"{text}\n\n{said(events)}"
        return text, is_refused

    async def resource(self, name: str) -> str:
        """A text that can be read without a call.

        Raises:
            ControlError: there is none of that name.
        """
        library = self._library
        if name == "instructions":
            return await library.instructions()
        if name == "notepad":
            return (await library.notepad()).text
        if name == "table":
            found = await library.experiments()
            chosen = table.telling(found, 200, minimize=self._engine.settings.study.minimize)
            return "\n".join([table.HEAD, *map(table.line, chosen)])
        if name == "incumbent":
            best = self._engine.parent()
            if best is None or best.commit is None:
                raise ControlError("incumbent: there is no baseline yet")
            files = await library.files(best.id)
            return "\n".join(f"# {path} of {best.id}\n{text}" for path, text in files.items())
        raise ControlError(f"resource {name}: known: instructions, incumbent, table, notepad")

    def end(self, outcome: str = "") -> None:
        """Its turn is over."""
        if self._timer is not None:
            self._timer.cancel()
        if self._desk is not None:
            desk, self._desk = self._desk, None
            desk.end(outcome)

    async def _seat(self) -> TurnDesk:
        """Its desk for the turn that is under way, or for a new one."""
        async with self._opening:
            if self._desk is None:
                desk = TurnDesk(self._engine, self._admission, self._identity, 0)
                await desk.begin(self._wanted())
                self._desk = desk
            desk = self._desk
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self.end)
        return desk

    def _tools(self, desk: TurnDesk) -> Tools:
        async def look(given: LookAtStudy) -> str:
            return await self._look(desk)

        async def say(given: SayAloud) -> str:
            desk.think("says", f"{given.text}\n")
            return "The operator can read it."

        return Tools(
            desk,
            minimize=self._engine.settings.study.minimize,
            inputs=OUTSIDE_TOOLS,
            more={"look_at_study": look, "say_aloud": say, WAIT: self._wait},
        )

    async def _look(self, desk: TurnDesk) -> str:
        self._seen = self._engine.store.revision()
        standing = await account(desk, await desk.brief(), self._told, _ROOM)
        self._told = standing.told
        brief = await desk.library.instructions()
        return f"The research brief:\n{brief}\n\n{standing.text}\n\n{self._wants()}"

    async def _words(self) -> list[Event]:
        """What the operator has said and done since it was last told."""
        events = [*await self._library.told(self._told)]
        if events:
            self._told = events[-1].seq
        return events

    async def _wait(self, given: WaitForNews) -> str:
        self.end()
        loop = asyncio.get_running_loop()
        give_up = loop.time() + given.seconds
        while True:
            ticket = self._engine.changed.ticket
            judged, events = await self._engine.offload(self._judged), await self._words()
            left = give_up - loop.time()
            if judged or events or left <= 0 or self._is_idle():
                return self._news(judged, events)
            await self._engine.changed.wait(ticket, timeout=left)
            await asyncio.sleep(_LOOK_SECONDS)

    def _judged(self) -> list[Experiment]:
        """Experiments that have a verdict since it last looked."""
        with self._engine.reader() as reader, reader.snapshot():
            found = reader.experiments_since(self._seen)
            self._seen = reader.revision()
        return [each for each in found if each.verdict is not None]

    def _news(self, judged: list[Experiment], events: list[Event]) -> str:
        parts = [said(events)]
        if judged:
            parts.append("\n".join(["Judged:", table.HEAD, *map(table.line, judged)]))
        elif not events:
            parts.append("No news.")
        return "\n\n".join(part for part in [*parts, self._wants()] if part)

    def _wanted(self) -> int:
        return max(self._stock.wanted(self._identity), 0)

    def _is_idle(self) -> bool:
        """Whether nothing is under way, so that there would be no news."""
        return self._engine.is_working and not any(
            each.status.is_live for each in self._engine.state.experiments.values()
        )

    def _wants(self) -> str:
        if not self._engine.is_working:
            return "The study is paused: what you propose waits until the operator lets it go on."
        wanted = self._wanted()
        if not wanted:
            return "Enough is ready to run now."
        return f"Wanted now: about {wanted} experiments, before the clusters run out of work."
