"""The engine without a screen: one line an event, and a summary at the end."""

import contextlib
import logging
import os
import sys

from autoresearch_tui.domain import Event, ExperimentStatus
from autoresearch_tui.engine.context import Context
from autoresearch_tui.judge.claim import claim
from autoresearch_tui.report.text import event_line
from autoresearch_tui.report.utilisation import utilisation

log = logging.getLogger(__name__)


class Headless:
    """Prints what the record gains."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seq = 0
        self._is_heard = True

    @classmethod
    async def watch(cls, context: Context) -> None:
        """Print until the engine ends."""
        await cls(context).run()

    async def run(self) -> None:
        """Print until the engine ends."""
        context = self._context
        # What an earlier engine did is told already.
        starts = [e.seq for e in context.store.events() if e.kind == "engine.started"]
        self._seq = starts[-1] - 1 if starts else 0
        while not context.ended.is_set():
            ticket = context.changed.ticket
            self._print()
            await context.changed.wait(ticket, timeout=0.5)
        self._print()
        self._say("\n".join(self._summary()))

    def _print(self) -> None:
        for event in self._context.store.events(self._seq, limit=10_000):
            self._seq = event.seq
            if is_told(event):
                self._say(event_line(event))

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
        store = self._context.store
        judged = store.experiments((ExperimentStatus.JUDGED,))
        lines = ["---", f"end: {self._context.end_reason}", f"judged: {len(judged)}"]
        best = self._context.incumbent()
        start = next((e for e in judged if e.is_baseline and e.value is not None), None)
        if best is not None and start is not None and start.value is not None:
            study = self._context.settings.study
            metric = study.metric
            lines.append(f"baseline_{metric}: {start.value:.6f}")
            lines.append(f"best_{metric}: {best.value:.6f}  {best.id} {best.title}")
            known = claim(judged, store.runs(), minimize=study.minimize)
            lines.append(f"gain: {known.words if known else 'none: the baseline is the best'}")
        used = utilisation(store.runs(), self._context.clock())
        lines.append(f"idle_percent: {used.idle_percent:.2f}")
        lines.append(f"longest_gap_seconds: {used.longest_gap:.2f}")
        return lines


def is_told(event: Event) -> bool:
    """Whether an event is worth a line; queueing and submitting are not."""
    return event.kind not in ("run.submitting", "run.queued", "experiment", "experiment.proposed")
