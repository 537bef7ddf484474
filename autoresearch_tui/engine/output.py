"""Understands what a run prints: lines, progress, the summary, the hashes of its files.

All pure: bytes and text in, values out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from autoresearch_tui.backends.reasons import Reasons
from autoresearch_tui.plain import plain

HASH_PREFIX = "autoresearch-sha256:"
"""Starts the lines by which a run tells what it executes: prefix, hash, path."""

TREE_PREFIX = "autoresearch-tree:"
"""Starts the lines with one hash over many files: prefix, `before` or `after`, hash."""

_LONGEST_LINE = 4000
_MOST_BYTES = 4
"""Bytes of a character of UTF-8 at most; none of them can be part of a line end."""

_LINE_END = re.compile(rb"(\r*\n|\r)")
_PROGRESS = re.compile(r"\bstep\s+(?P<step>\d+)\s*(?:\((?P<percent>[\d.]+)%\))?\s*\|(?P<rest>.*)")
_LOSS = re.compile(r"\bloss:\s*(?P<loss>[-+\w.]+)")
_REMAINING = re.compile(r"\bremaining:\s*(?P<remaining>[\d.]+)s")
_SUMMARY = re.compile(r"(?P<name>[A-Za-z_]\w{0,63}):\s+(?P<value>\S.{0,199})")
_TREE = re.compile(rf"{TREE_PREFIX}\s+(?P<when>before|after)\s+(?P<hash>[0-9a-f]{{64}})")
_HASH = re.compile(rf"{HASH_PREFIX}\s+(?P<hash>[0-9a-f]{{64}})\s+(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of output. A `transient` one ended in a carriage return, as progress does."""

    text: str
    transient: bool


class LineSplitter:
    """Cuts raw bytes into clean lines, with bounded memory whatever comes.

    `done` counts the bytes of the lines that it has given.
    """

    def __init__(self, done: int = 0) -> None:
        self.done = done
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Yield the lines that are complete with `chunk`."""
        data = self._rest + chunk
        # A carriage return at the end may be half of a line end.
        keep = data.endswith(b"\r")
        parts = _LINE_END.split(data[:-1] if keep else data)
        self._rest = parts[-1] + (b"\r" if keep else b"")
        self.done += len(data) - len(self._rest)
        for body, end in zip(parts[:-1:2], parts[1::2], strict=True):
            yield Line(_text(body), transient=end == b"\r")
        if len(self._rest) > _LONGEST_LINE * _MOST_BYTES:
            yield Line(_text(self._rest), transient=False)
            self.done += len(self._rest)
            self._rest = b""

    def close(self) -> Iterator[Line]:
        """Yield what is left at the end of the output."""
        rest, self._rest = self._rest, b""
        self.done += len(rest)
        if rest.strip():
            yield Line(_text(rest), transient=False)


def _text(data: bytes) -> str:
    return clean(data.decode("utf-8", "replace"))


def clean(text: str) -> str:
    """A line without escape sequences and control characters, cut to a sane length."""
    return plain(text)[:_LONGEST_LINE].rstrip()


@dataclass(frozen=True, slots=True)
class Step:
    """What a progress line says; `fraction` is 0 to 1, `remaining` in seconds."""

    step: int
    fraction: float | None
    loss: float | None
    remaining: float | None


def parse_progress(text: str) -> Step | None:
    """Read a line such as `step 00010 (1.2%) | loss: 5.1 | … | remaining: 290s`."""
    found = _PROGRESS.search(text)
    if found is None:
        return None
    percent, loss, remaining = (
        _number(found["percent"]),
        _number(_group(_LOSS, found["rest"], "loss")),
        _number(_group(_REMAINING, found["rest"], "remaining")),
    )
    fraction = None if percent is None else min(max(percent / 100, 0.0), 1.0)
    return Step(int(found["step"]), fraction, loss, remaining)


def _group(pattern: re.Pattern[str], text: str, name: str) -> str | None:
    found = pattern.search(text)
    return found[name] if found else None


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


_MOST_HASHES, _MOST_VALUES = 1000, 100
"""What is kept of a run that prints them without end."""


@dataclass(slots=True)
class Summary:
    """Collects what a run claims: its metrics and the hashes of the files that it executes.

    `values` holds the different values that were printed for the judged metric, of many the first.
    """

    metric: str
    metrics: dict[str, float | str] = field(default_factory=dict[str, float | str])
    values: list[str] = field(default_factory=list[str])
    hashes: dict[str, str] = field(default_factory=dict[str, str])
    tree_before: str = ""
    tree_after: str = ""
    reasons: Reasons = field(default_factory=Reasons)
    in_summary: bool = False

    def feed(self, line: Line) -> None:
        """Take in one line of the output."""
        text = line.text
        if line.transient or not text.strip():
            return
        if text.startswith((HASH_PREFIX, TREE_PREFIX)):
            self._take_hash(text)
            return
        self.reasons.feed(text)
        if text == "---":
            self.in_summary = True
        elif found := _SUMMARY.fullmatch(text):
            self._take(found["name"], found["value"].strip())

    def _take_hash(self, text: str) -> None:
        # The script prints the first and the last of these, whatever the run prints between.
        if found := _HASH.fullmatch(text):
            if len(self.hashes) < _MOST_HASHES:
                self.hashes.setdefault(found["path"], found["hash"])
        elif found := _TREE.fullmatch(text):
            if found["when"] == "before":
                self.tree_before = self.tree_before or found["hash"]
            else:
                self.tree_after = found["hash"]

    def _take(self, name: str, value: str) -> None:
        if name == self.metric and value not in self.values and len(self.values) < _MOST_VALUES:
            self.values.append(value)
        if self.in_summary and len(self.metrics) < 64:
            number = _number(value)
            self.metrics[name] = value if number is None else number
