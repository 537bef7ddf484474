"""Follows one run's output: into its log file, its progress, its summary."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from autoresearch_tui.backends.reasons import Reasons
from autoresearch_tui.domain import CurvePoint, Progress, Reading, Run
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


@dataclass(slots=True)
class _Marks:
    """What decides which lines are written and drawn: shares of the budget, and Unix seconds."""

    logged: float = -1.0
    drawn: float = -1.0
    transient_at: float = 0.0


@dataclass(frozen=True, slots=True)
class News:
    """What has come of a run's output: progress, its curve where that has grown, and how far."""

    progress: Progress | None
    curve: Sequence[CurvePoint]
    reading: Reading | None


class Follower:
    """What is known of a run from the output of its job so far.

    Writes at most `limit` bytes to the log file at `path`. Goes on at `reading`, if that is of this
    job and the file still holds what was written by then; `curve` is what was drawn by then.
    """

    def __init__(
        self,
        run: Run,
        metric: str,
        path: Path,
        limit: int,
        clock: Callable[[], float],
        reading: Reading | None = None,
        curve: Sequence[CurvePoint] = (),
    ) -> None:
        self.run = run.id
        self.summary = Summary(metric)
        self._job = run.job
        self._progress: Progress | None = None
        self._curve: list[CurvePoint] = []
        self._has_grown = False
        self._path = path
        self._limit = limit
        self._clock = clock
        self._marks = _Marks()
        self._written = 0
        done = 0
        if reading is not None and self._can_go_on(reading) and self._restore(reading.state):
            done, self._written, self._curve = reading.offset, reading.written, list(curve)
        self._splitter = LineSplitter(done)
        self._told = done

    @property
    def curve(self) -> Sequence[CurvePoint]:
        """The training curve so far."""
        return self._curve

    @property
    def offset(self) -> int:
        """Bytes of the output that need not be read again."""
        return self._splitter.done

    async def follow(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the output from `offset` to its end."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            # What was written after the last reading is read, and written, again.
            file.truncate(self._written)
            async for chunk in chunks:
                for line in self._splitter.feed(chunk):
                    self._take(line, file)
                file.flush()
            for line in self._splitter.close():
                self._take(line, file)

    def news(self) -> News:
        """What has come since the last call."""
        progress, self._progress = self._progress, None
        curve = tuple(self.curve) if self._has_grown else ()
        self._has_grown = False
        reading = None
        if self._splitter.done != self._told:
            self._told = self._splitter.done
            reading = Reading(self.run, self._job, self._told, self._written, self._state())
        return News(progress, curve, reading)

    def _can_go_on(self, reading: Reading) -> bool:
        return reading.job == self._job and _size(self._path) >= reading.written

    def _state(self) -> dict[str, Any]:
        return {"summary": asdict(self.summary), "marks": asdict(self._marks)}

    def _restore(self, state: Mapping[str, Any]) -> bool:
        """Take over what an earlier reader knew; False where that was of another version."""
        try:
            known = dict(state["summary"])
            known |= {"metric": self.summary.metric, "reasons": Reasons(**known["reasons"])}
            summary, marks = Summary(**known), _Marks(**state["marks"])
        except (KeyError, TypeError):
            return False
        self.summary, self._marks = summary, marks
        return True

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
        if step.loss is not None and fraction - self._marks.drawn >= _CURVE_STEP:
            self._marks.drawn = fraction
            self._curve.append(CurvePoint(step.step, fraction, step.loss, self._clock()))
            self._has_grown = True

    def _is_logged(self, line: Line, step: Step | None) -> bool:
        if line.text.startswith((HASH_PREFIX, TREE_PREFIX)):
            return False
        if not line.transient:
            return True
        if step is not None and step.fraction is not None:
            if step.fraction - self._marks.logged < _SMALLEST_STEP:
                return False
            self._marks.logged = step.fraction
            return True
        now = self._clock()
        if now - self._marks.transient_at < 1.0 or not line.text:
            return False
        self._marks.transient_at = now
        return True

    def _write(self, text: str, file: BinaryIO) -> None:
        if self._written >= self._limit:
            return
        data = text.encode() + b"\n"
        if self._written + len(data) >= self._limit:
            data += b"[the rest of the output is not kept: limits.log_mb]\n"
        self._written += file.write(data)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
