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
from autoresearch_tui.judge.claim import Leader
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
        # What is printed elsewhere may be turned aside for a while.
        self._out = sys.stdout
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
            print(text, file=self._out, flush=True)
        except OSError as error:
            self._is_heard = False
            log.warning("nobody reads the output any more (%s); the study goes on", error)
            # What Python still holds for the pipe would be an error again when it exits.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())

    def _summary(self) -> list[str]:
        store = self._engine.store
        stands = standing(store, self._engine.clock())
        ending = self._engine.state.ending
        reason = ending.reason if ending is not None else ""
        lines = ["---", f"end: {reason}", f"judged: {store.judged()}"]
        for leader in stands.leaders:
            lines += self._best(leader, stands.study.metric, len(stands.leaders))
        used = stands.usage
        lines.append(f"idle_percent: {used.idle_percent:.2f}")
        lines.append(f"longest_gap_seconds: {used.longest_gap:.2f}")
        return lines

    def _best(self, leader: Leader, metric: str, kinds: int) -> list[str]:
        """The lines of one accelerator type; one alone needs no name."""
        start, best = leader.baseline, leader.best
        if start is None:
            return []
        at = f"@{leader.accelerator}" if kinds > 1 else ""
        found = self._engine.store.experiment(best.experiment)
        title = found.title if found is not None else ""
        known = leader.claim.words if leader.claim else "none: the baseline is the best"
        return [
            f"baseline_{metric}{at}: {start.value:.6f}",
            f"best_{metric}{at}: {best.value:.6f}  {best.experiment} {title}",
            f"gain{at}: {known}",
        ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def is_told(event: Event) -> bool:
    """Whether an event is worth a line; queueing and submitting are not."""
    return event.kind not in ("run.submitting", "run.queued", "experiment", "experiment.proposed")
