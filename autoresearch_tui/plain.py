"""Text of other programs, as one reads it."""

import re

_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"
_UNSEEN = re.compile(rf"{_ESCAPE}|[\x00-\x08\x0b-\x1f\x7f]")


def plain(text: str) -> str:
    """`text` without escape sequences (ECMA-48) and control characters but tab and line feed."""
    return _UNSEEN.sub("", text)
