"""Finds the line of an output that says why it failed, which is seldom its last one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PATTERNS = (
    # What ran out of memory often dies of something else later.
    re.compile(r"(CUDA|HIP|MPS)?\s*out of memory|OutOfMemoryError|std::bad_alloc|CUDA error", re.I),
    re.compile(
        r"^\s*(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Failure)\b(?::.*|\s*)$"
    ),
    re.compile(r"^(?:bash|sh|/\S+)?.*(?:: command not found|: No such file or directory)$"),
    # As bash tells of it, with the command behind it, or as it ends a line of its own.
    re.compile(r"line \d+:\s+\d+ (?:Killed|Segmentation fault|Bus error|Aborted)\b"),
    re.compile(r"^.*\b(?:Killed|Segmentation fault|Bus error)(?:\s*\(core dumped\))?$"),
    re.compile(r"^\s*(?:\S+:\s*)?(?:ERROR|error|FATAL|fatal|FAILED|FAIL)\b\s*[:\]].*$"),
    re.compile(r"^\w*STATUS:\s*(?:crash|failed|error)\b.*$", re.I),
)
"""From the most telling kind of line to the least."""

_LONGEST = 200


@dataclass(slots=True)
class Reasons:
    """Keeps the most telling line of an output as it comes; of one kind the newest.

    `told` is that line and `rank` its kind; `last` is the newest line.
    """

    rank: int = len(_PATTERNS)
    told: str = ""
    last: str = ""
    says_crash: bool = False

    def feed(self, text: str) -> None:
        """Take in a line without control characters."""
        if not text.strip():
            return
        self.last = text
        for rank, pattern in enumerate(_PATTERNS[: self.rank + 1]):
            if pattern.search(text):
                self.rank, self.told = rank, text
                break
        # A task's own word on how its run ended, as SkyPilot's published one gives it.
        self.says_crash = self.says_crash or bool(_PATTERNS[-1].match(text))

    @property
    def line(self) -> str:
        """The most telling line, else the last one; cut to a length for one line of a table."""
        return " ".join((self.told or self.last).split())[:_LONGEST]


def telling_line(lines: Iterable[str]) -> str:
    """The line that says why an output failed."""
    reasons = Reasons()
    for line in lines:
        reasons.feed(line)
    return reasons.line
