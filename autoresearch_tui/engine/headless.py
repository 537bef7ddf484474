"""The engine without a screen: one line an event, and a summary at the end."""

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

from autoresearch_tui.domain import Event
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.output import clean
from autoresearch_tui.report.standing import standing
from autoresearch_tui.report.text import event_line
from autoresearch_tui.tail import Tail

log = logging.getLogger(__name__)


class Headless:
    """Prints what the record gains."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seq = 0
        self._is_heard = True
        setup_log = engine.paths.setup_log(engine.backend.name)
        self._setup = Tail(setup_log, offset=_size(setup_log))

    @classmethod
    async def watch(cls, engine: Engine) -> None:
        """Print until the engine ends."""
        await cls(engine).run()

    async def run(self) -> None:
        """Print until the engine ends."""
        engine = self._engine
        # What an earlier engine did is told already.
        starts = [e.seq for e in engine.store.events() if e.kind == "engine.started"]
        self._seq = starts[-1] - 1 if starts else 0
        while not engine.ended.is_set():
            ticket = engine.changed.ticket
            self._print()
            await self._print_setup()
            await engine.changed.wait(ticket, timeout=0.5)
        self._print()
        self._say("\n".join(self._summary()))

    def _print(self) -> None:
        for event in self._engine.store.events(self._seq, limit=10_000):
            self._seq = event.seq
            if is_told(event):
                self._say(event_line(event))

    async def _print_setup(self) -> None:
        """What the set-up says while it runs, which may take long and fail in its middle."""
        _, lines = await asyncio.to_thread(self._setup.read)
        for line in lines:
            self._say(f"set-up    {clean(line)}")

    def _say(self, text: str) -> None:
        """Print, as long as somebody listens: a pipe that is closed must not end a study."""
        if not self._is_heard:
            return
        try:
            print(text, flush=True)
        except OSError as error:
            self._is_heard = False
            log.warning("nobody reads the output any more (%s); the study goes on", error)
            # What Python still holds for the pipe would be an error again when it exits.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _summary(self) -> list[str]:
        store = self._engine.store
        stands = standing(store, self._engine.clock())
        judged = store.with_verdict()
        ending = self._engine.state.ending
        reason = ending.reason if ending is not None else ""
        lines = ["---", f"end: {reason}", f"judged: {len(judged)}"]
        best = self._engine.incumbent()
        start = next((e for e in judged if e.is_baseline and e.value is not None), None)
        if best is not None and start is not None and start.value is not None:
            metric = stands.study.metric
            lines.append(f"baseline_{metric}: {start.value:.6f}")
            lines.append(f"best_{metric}: {best.value:.6f}  {best.id} {best.title}")
            known = stands.claim
            lines.append(f"gain: {known.words if known else 'none: the baseline is the best'}")
        used = stands.usage
        lines.append(f"idle_percent: {used.idle_percent:.2f}")
        lines.append(f"longest_gap_seconds: {used.longest_gap:.2f}")
        return lines


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def is_told(event: Event) -> bool:
    """Whether an event is worth a line; queueing and submitting are not."""
    return event.kind not in ("run.submitting", "run.queued", "experiment", "experiment.proposed")
