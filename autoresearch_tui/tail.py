"""Text files that grow: what one has gained, and its newest lines."""

import codecs
import re
from pathlib import Path

from autoresearch_tui.plain import plain


class Tail:
    """Reads what a file has gained since the last call, from byte `offset`. Blocks on the disk.

    Of more than `most` bytes at a time, if that is given, only the newest are read.
    """

    def __init__(self, path: Path, *, offset: int = 0, most: int | None = None) -> None:
        self._path = path
        self._offset = offset
        self._most = most
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> tuple[bool, list[str]]:
        """Whether the file has begun anew, and its new whole lines; none where it is not there."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                is_new = size < self._offset
                begin = 0 if is_new else self._offset
                skipped = self._most is not None and size - begin > self._most
                file.seek(size - (self._most or 0) if skipped else begin)
                data = file.read(size - file.tell())
        except OSError:
            return False, []
        if is_new or skipped:
            self._decoder.reset()
            self._rest = ""
        self._offset = size
        text = self._rest + self._decoder.decode(data)
        *lines, self._rest = text.split("\n")
        return is_new, lines[1:] if skipped else lines

    @property
    def rest(self) -> str:
        """What has come of a line that is not whole yet."""
        return self._rest


def last_lines(path: Path, size: int) -> list[str]:
    """The lines in the last `size` bytes of a file as one reads them: no escapes, none empty."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            text = file.read(size).decode(errors="replace")
    except OSError:
        return []
    lines = re.split(r"[\r\n]", text)
    return [words for line in lines if (words := " ".join(plain(line).split()))]


def last_line(path: Path) -> str:
    """The newest line of a file, cut to 120 characters; empty where there is none."""
    return next(reversed(last_lines(path, 8192)), "")[:120]
