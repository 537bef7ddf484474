"""The model as a researcher: a turn is a talk between it and its tools."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from autoresearch_tui.config import Llm, Prices
from autoresearch_tui.errors import ResearcherError
from autoresearch_tui.researchers.base import Brief, Desk
from autoresearch_tui.researchers.briefing import said
from autoresearch_tui.researchers.llm.context import build
from autoresearch_tui.researchers.llm.key import api_key
from autoresearch_tui.researchers.llm.prices import Tokens, cost, price_of
from autoresearch_tui.researchers.llm.talk import Question, Talk, TooLongError
from autoresearch_tui.researchers.tool_inputs import TOOLS, WAIT, described
from autoresearch_tui.researchers.tools import Tools

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message

_ENDS = {
    "refusal": "the model refuses to answer",
    "model_context_window_exceeded": "the model's context is full",
}

_CUT_OFF = "Your answer was cut off at its longest. Go on, more briefly, and in smaller steps."


class LlmResearcher:
    """Proposes by a language model; what it knows is in the study, not in a conversation.

    `name` tells it apart from others of its kind, `role` is what it is told of itself. `spent` says
    what they have cost together so far, in dollars.
    """

    def __init__(
        self,
        settings: Llm,
        prices: Prices,
        spent: Callable[[], float],
        *,
        name: str = "llm",
        role: str = "",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._price = price_of(settings.model, prices.tokens)
        self._name = name
        self._role = role
        self._spent = spent
        self._sleep = sleep
        self._client: AsyncAnthropic | None = None
        self._told = 0
        self._room = float(settings.context_tokens)

    @property
    def name(self) -> str:
        """Short name, which the desk knows it by."""
        return self._name

    @property
    def listens(self) -> bool:
        """It understands words."""
        return True

    async def turn(self, desk: Desk) -> None:
        """Think, look and propose, until the model has nothing more to do.

        Raises:
            ResearcherError: the model cannot be asked now; the line says why.
        """
        if self._settings.budget_usd is not None and self._price is None:
            raise ResearcherError(
                f"llm.budget_usd cannot be kept: no price of {self._settings.model} is known; give "
                f"prices.tokens.{self._settings.model}"
            )
        talk = Talk(await self._open(), self._settings, sleep=self._sleep)
        brief = await desk.brief()
        try:
            await self._talk(talk, desk, brief)
        except TooLongError:
            # The next turn is told less; what this one has proposed stands.
            self._room = max(self._room / 2, 4_000.0)
            raise

    async def close(self) -> None:
        """Give up the connection."""
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> "AsyncAnthropic":
        if self._client is None:
            key = await asyncio.to_thread(api_key, self._settings.key_file)
            self._client = await asyncio.to_thread(_client, key)
        return self._client

    async def _talk(self, talk: Talk, desk: Desk, brief: Brief) -> None:
        tools = Tools(desk, minimize=brief.minimize)
        context = await build(desk, brief, self._role, self._told, int(self._room))
        messages: list[dict[str, Any]] = [context.message]
        told = context.told
        for _ in range(self._settings.rounds):
            await desk.until_working()
            self._check_budget()
            question = Question(context.system, messages, described(TOOLS))
            message = await talk.answer(question, desk.think, self._counter(desk))
            # What it has read, it knows: an answer has come.
            self._told = told
            messages.append({"role": "assistant", "content": message.content})
            if (why := _ENDS.get(message.stop_reason or "")) is not None:
                raise TooLongError(why) if "context" in why else ResearcherError(why)
            answers, is_over = await self._answers(desk, tools, message)
            if is_over or not answers:
                return
            if events := await desk.library.told(told):
                told = events[-1].seq
                answers.append({"type": "text", "text": said(events)})
            messages.append({"role": "user", "content": answers})

    async def _answers(
        self, desk: Desk, tools: Tools, message: "Message"
    ) -> tuple[list[dict[str, Any]], bool]:
        """What its tools answer to a message, and whether that was its last one."""
        answers: list[dict[str, Any]] = []
        is_over = False
        for block in message.content:
            if block.type != "tool_use":
                continue
            await desk.until_working()
            text, is_refused = await tools.call(block.name, block.input)
            answer = {"type": "tool_result", "tool_use_id": block.id, "content": text}
            answers.append(answer | {"is_error": True} if is_refused else answer)
            is_over = is_over or block.name == WAIT
        if message.stop_reason == "max_tokens":
            answers.append({"type": "text", "text": _CUT_OFF})
        elif message.stop_reason == "pause_turn":
            answers.append({"type": "text", "text": "Go on."})
        return answers, is_over

    def _check_budget(self) -> None:
        budget = self._settings.budget_usd
        if budget is not None and (spent := self._spent()) >= budget:
            raise ResearcherError(f"its budget is spent: ${spent:.2f} of ${budget:.2f}")

    def _counter(self, desk: Desk) -> Callable[[Tokens], None]:
        def spend(tokens: Tokens) -> None:
            dollars = cost(tokens, self._price) if self._price is not None else 0.0
            desk.spend(tokens.input, tokens.output, dollars)
            price = f"${dollars:.4f}" if self._price is not None else "price unknown"
            desk.think(
                "usage",
                f"{tokens.input:,} tokens in ({tokens.hit_rate:.0%} from the cache), "
                f"{tokens.output:,} out, {price}",
            )

        return spend


def _client(key: str) -> "AsyncAnthropic":
    """Their client; it takes seconds to be imported, and we repeat ourselves where that helps."""
    return import_module("anthropic").AsyncAnthropic(api_key=key, max_retries=0)
