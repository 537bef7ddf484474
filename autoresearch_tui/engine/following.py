"""Follows one run's output: into its log file, its progress, its summary."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from autoresearch_tui.domain import CurvePoint, Progress
from autoresearch_tui.engine.output import (
    HASH_PREFIX,
    TREE_PREFIX,
    Line,
    LineSplitter,
    Step,
    Summary,
    parse_progress,
)

_SMALLEST_STEP = 0.01
"""Share of the budget between two progress lines that are written to the log."""

_CURVE_STEP = 0.005
"""Share of the budget between two points of the training curve."""


class Follower:
    """What is known of a run from its output so far.

    Writes at most `limit` bytes to the log file.
    """

    def __init__(
        self, run: str, metric: str, path: Path, limit: int, clock: Callable[[], float]
    ) -> None:
        self.run = run
        self.summary = Summary(metric)
        self._progress: Progress | None = None
        self._points: list[tuple[str, CurvePoint]] = []
        self._path = path
        self._left = limit
        self._clock = clock
        self._splitter = LineSplitter()
        self._logged = -1.0
        self._drawn = -1.0
        self._transient_at = 0.0

    async def follow(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the output to its end, from its beginning."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("wb") as file:
            async for chunk in chunks:
                for line in self._splitter.feed(chunk):
                    self._take(line, file)
                file.flush()
            for line in self._splitter.close():
                self._take(line, file)

    def news(self) -> tuple[Progress | None, list[tuple[str, CurvePoint]]]:
        """The progress and the points of the training curve that came since the last call."""
        news = self._progress, self._points
        self._progress, self._points = None, []
        return news

    def _take(self, line: Line, file: BinaryIO) -> None:
        step = parse_progress(line.text)
        self.summary.feed(line)
        if step is not None:
            self._advance(step, line.text)
        if self._is_logged(line, step):
            self._write(line.text, file)

    def _advance(self, step: Step, text: str) -> None:
        fraction = step.fraction if step.fraction is not None else 0.0
        self._progress = Progress(
            self.run, fraction, step.step, step.loss, step.remaining, text, self._clock()
        )
        if step.loss is not None and fraction - self._drawn >= _CURVE_STEP:
            self._drawn = fraction
            self._points.append((self.run, CurvePoint(step.step, fraction, step.loss)))

    def _is_logged(self, line: Line, step: Step | None) -> bool:
        if line.text.startswith((HASH_PREFIX, TREE_PREFIX)):
            return False
        if not line.transient:
            return True
        if step is not None and step.fraction is not None:
            if step.fraction - self._logged < _SMALLEST_STEP:
                return False
            self._logged = step.fraction
            return True
        now = self._clock()
        if now - self._transient_at < 1.0 or not line.text:
            return False
        self._transient_at = now
        return True

    def _write(self, text: str, file: BinaryIO) -> None:
        if self._left <= 0:
            return
        data = text.encode() + b"\n"
        self._left -= len(data)
        if self._left <= 0:
            data += b"[the rest of the output is not kept: limits.log_mb]\n"
        file.write(data)
