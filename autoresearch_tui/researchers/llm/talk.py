"""Asks the model: streamed, again where its server is busy, and with a plain word where it is not.

The Messages API of Anthropic, by their client; see https://platform.claude.com/docs/en/api/messages.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from autoresearch_tui.config import Llm
from autoresearch_tui.errors import ResearcherError
from autoresearch_tui.researchers.base import Think
from autoresearch_tui.researchers.llm.prices import Tokens
from autoresearch_tui.researchers.llm.speech import Speech

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message, Usage

_PAUSES = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds before a busy server is asked again, longer each time, and then not for now."""

_KINDS = {"thinking_delta": ("thinking", "thinking"), "text_delta": ("says", "text")}
"""Of the events of a stream: as what we write them down, and where their text stands."""


class TooLongError(ResearcherError):
    """What the model was told is more than it can read."""


class _Busy(Exception):
    """The server cannot answer now; after `seconds`, if it says so, it may."""

    def __init__(self, words: str, seconds: float | None = None) -> None:
        super().__init__(words)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Question:
    """All that one request has: `system` and `messages` as the API has them."""

    system: Sequence[Mapping[str, Any]]
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]]


class Talk:
    """Answers of a model. `sleep` waits between two attempts."""

    def __init__(
        self,
        client: "AsyncAnthropic",
        settings: Llm,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._settings = settings
        self._sleep = sleep

    async def answer(
        self, question: Question, think: Think, spent: Callable[[Tokens], None]
    ) -> "Message":
        """The whole answer, said aloud as it comes; `spent` is told what each attempt took.

        Raises:
            TooLongError: there is more to read than the model can.
            ResearcherError: it cannot be had, or not now.
        """
        for pause in (*_PAUSES, None):
            try:
                return await self._stream(question, think, spent)
            except _Busy as busy:
                if pause is None:
                    raise ResearcherError(f"{busy}; tried {len(_PAUSES) + 1} times") from busy
                seconds = busy.seconds if busy.seconds is not None else pause
                # Others were refused at the same moment, and would all come back at one.
                seconds *= random.uniform(1.0, 1.5)
                think("trouble", f"{busy}; asked again in {seconds:.0f} s")
                await self._sleep(seconds)
        raise AssertionError("the last attempt returns or raises")

    async def _stream(
        self, question: Question, think: Think, spent: Callable[[Tokens], None]
    ) -> "Message":
        import anthropic
        import httpx2

        speech, usage = Speech(think), None
        settings = self._settings
        try:
            async with self._client.messages.stream(
                model=settings.model,
                max_tokens=settings.max_tokens,
                system=cast(Any, question.system),
                messages=cast(Any, question.messages),
                tools=cast(Any, question.tools),
                thinking={"type": "adaptive", "display": "summarized"},
                output_config={"effort": settings.effort},
                cache_control={"type": "ephemeral"},
            ) as stream:
                async for event in stream:
                    if event.type == "content_block_delta" and event.delta.type in _KINDS:
                        kind, part = _KINDS[event.delta.type]
                        speech.add(kind, getattr(event.delta, part))
                    elif event.type == "content_block_stop":
                        speech.end()
                    usage = stream.current_message_snapshot.usage
                message = await stream.get_final_message()
            if message.stop_reason is None:
                raise _Busy("the connection to the model failed: its answer broke off")
            return message
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise _trouble(error, settings) from error
        finally:
            speech.end()
            if usage is not None:
                # What broke off has been read, and is paid for.
                spent(_tokens(usage))


def _tokens(usage: "Usage") -> Tokens:
    return Tokens(
        usage.input_tokens,
        usage.cache_creation_input_tokens or 0,
        usage.cache_read_input_tokens or 0,
        usage.output_tokens,
    )


_BUSY = {
    "rate_limit_error": "too many requests",
    "overloaded_error": "the model is overloaded",
    "api_error": "the API has an error of its own",
    "timeout_error": "the API timed out",
}


def _trouble(error: Exception, settings: Llm) -> Exception:
    """What an error of theirs means to us."""
    import anthropic

    words = _words(error)
    if not isinstance(error, anthropic.APIStatusError):
        return _Busy(f"the connection to the model failed: {words}")
    status, kind = error.status_code, _kind(error)
    if kind in _BUSY or status in (408, 409, 429) or status >= 500:
        return _Busy(f"{_BUSY.get(kind, 'the API has trouble')} ({status})", _retry_after(error))
    if status == 413 or "prompt is too long" in words or "context" in words.lower():
        return TooLongError(f"more than {settings.model} can read: {words}")
    if status == 401:
        return ResearcherError(f"the API key is refused: {words}")
    if status == 404:
        return ResearcherError(f"llm.model: there is no {settings.model}: {words}")
    return ResearcherError(f"the API refuses the request ({status}): {words}")


def _kind(error: Any) -> str:
    """The API's word for an error; one that comes within a stream has no status of its own."""
    body: object = error.body
    if isinstance(body, dict):
        found = cast(dict[str, Any], body).get("error")
        if isinstance(found, dict):
            return str(cast(dict[str, Any], found).get("type", ""))
    return ""


def _retry_after(error: Any) -> float | None:
    try:
        return min(max(float(error.response.headers.get("retry-after", "")), 0.0), 300.0)
    except ValueError:
        return None


def _words(error: Any) -> str:
    """An error's own words on one line, without what is around them."""
    body: object = getattr(error, "body", None)
    if isinstance(body, dict):
        found = cast(dict[str, Any], body).get("error")
        if isinstance(found, dict) and (said := cast(dict[str, Any], found).get("message")):
            return " ".join(str(said).split())[:300]
    return " ".join(str(error).split())[:300] or type(error).__name__
