"""One connection to one cluster: what its agent says of jobs there, and what it is asked to do."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from autoresearch_tui.backends.skypilot.rows import Row, rows_of
from autoresearch_tui.backends.skypilot.script import job_name
from autoresearch_tui.errors import BackendError

_SILENT_SECONDS = 30.0
"""Without a word from an agent, which speaks every five seconds, after which it counts as gone."""

_ANSWER_SECONDS = 30.0

_ARRIVAL_SECONDS = 10.0
"""For which what SkyPilot says is done may take to be seen."""


class NoWayError(BackendError):
    """SkyPilot has written down no way to a cluster, as after a launch that was cut short."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """An agent's input and output, wherever it runs.

    `last_words` waits for its end and says what it wrote to its error output.
    """

    write: Callable[[bytes], None]
    lines: AsyncIterator[bytes]
    last_words: Callable[[], Awaitable[str]]


class Link:
    """What is known of a cluster from its agent, and what is asked of it.

    `rows` are None until it has spoken. `skew` is to be added to the cluster's times to have ours;
    `gpus` are the newest readings, a line each. `heard` is called when there is news.
    """

    def __init__(self, uid: str, pipe: Pipe, heard: Callable[[], None]) -> None:
        self.rows: tuple[Row, ...] | None = None
        self.is_ready = False
        self.skew = 0.0
        self.gpus: tuple[str, ...] = ()
        self._uid = uid
        self._pipe = pipe
        self._heard = heard
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._logs: dict[int, asyncio.Queue[bytes | None]] = {}
        self._number = 0
        self._is_broken = False
        self._news = asyncio.Event()

    async def serve(self) -> None:
        """Listen until the agent ends.

        Raises:
            BackendError: always, at the end; it says why.
        """
        try:
            while True:
                try:
                    async with asyncio.timeout(_SILENT_SECONDS):
                        line = await anext(self._pipe.lines, None)
                except TimeoutError:
                    raise BackendError(f"says nothing for {_SILENT_SECONDS:.0f} s") from None
                if line is None:
                    raise BackendError(await self._pipe.last_words() or "the connection has ended")
                self._take(_news_in(line))
        finally:
            self._break()

    async def ask(self, do: str, **arguments: object) -> Any:
        """Have the agent do something; what it answers.

        Raises:
            BackendError: it does not answer, or could not.
        """
        if self._is_broken:
            raise BackendError("does not answer")
        self._number += 1
        number = self._number
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._send({"do": do, "id": number, **arguments})
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            raise BackendError("does not answer") from None
        finally:
            self._asked.pop(number, None)

    async def log(self, row: Row, offset: int, part: str = "run.log") -> AsyncGenerator[bytes]:
        """Yield a job's output from byte `offset` on, as it comes, until the job has ended.

        `part` is the name of the file that it is in; the first that matches is meant.

        Raises:
            BackendError: the connection broke off.
        """
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._number += 1
        tag = self._number
        self._logs[tag] = queue
        try:
            name = job_name(self._uid, row.key)
            await self.ask("follow", tag=tag, job=row.job, name=name, offset=offset, part=part)
            while chunk := await queue.get():
                yield chunk
            if self._is_broken:
                raise BackendError(f"{row.key}: its output broke off")
        finally:
            self._logs.pop(tag, None)
            if not self._is_broken:
                self._send({"do": "unfollow", "id": 0, "tag": tag})

    async def until(self, arrived: Callable[[], bool]) -> None:
        """Return when `arrived` holds, or the agent has said nothing of it for ten seconds."""
        self._send({"do": "refresh", "id": 0})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ARRIVAL_SECONDS):
                while not arrived() and not self._is_broken:
                    self._news.clear()
                    await self._news.wait()

    def _send(self, command: dict[str, object]) -> None:
        try:
            self._pipe.write(json.dumps(command).encode() + b"\n")
        except (OSError, RuntimeError) as error:
            raise BackendError(f"does not listen: {error}") from error

    def _take(self, news: dict[str, Any]) -> None:
        if not news:
            return
        skew = time.time() - news["now"]
        # What takes longest to arrive looks most like a clock that goes wrong.
        self.skew = min(self.skew, skew) if self.rows is not None else skew
        if "rows" in news:
            self.rows = rows_of(news["rows"])
            self.is_ready = news["ready"]
            self._news.set()
            self._heard()
        elif "log" in news:
            queue = self._logs.get(news["log"])
            if queue is not None:
                queue.put_nowait(None if news.get("over") else base64.b64decode(news["data"]))
        elif "gpu" in news:
            self.gpus = tuple(news["gpu"])
            self._heard()
        elif (answer := self._asked.get(news.get("answer", 0))) and not answer.done():
            if "error" in news:
                answer.set_exception(BackendError(news["error"]))
            else:
                answer.set_result(news["value"])

    def _break(self) -> None:
        self._is_broken = True
        self._news.set()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(BackendError("the connection broke off"))
        for queue in self._logs.values():
            queue.put_nowait(None)


def _news_in(line: bytes) -> dict[str, Any]:
    """What a line says; nothing where it is somebody else's, such as a login shell's greeting.

    Raises:
        BackendError: it has been cut off.
    """
    if not line.startswith(b"{"):
        return {}
    try:
        return json.loads(line)
    except ValueError as error:
        raise BackendError("the connection broke off in the middle of a line") from error
