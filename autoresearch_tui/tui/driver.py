"""Textual's driver for terminals that may go away at any moment."""

import contextlib
from typing import TextIO, cast

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

from autoresearch_tui.plain import plain

_KEEP_TITLE, _OLD_TITLE = "\x1b[22;2t", "\x1b[23;2t"
"""The window's name is put away, and taken out again (xterm's stack of titles)."""


class _Output:
    """A terminal's output, which may have gone: nobody is left whom that could be told."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Write while there is somebody who reads."""
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        """Flush while there is somebody who reads."""
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        """The number of the file."""
        return self._file.fileno()


class HardyDriver(LinuxDriver):
    """Ends with its terminal.

    Textual's thread that writes ends at the first error, with what is still queued for it; once
    30 pieces wait, so does the program, for ever.
    """

    def start_application_mode(self) -> None:
        """Take the terminal over."""
        if not isinstance(self._file, _Output):
            self._file = cast(TextIO, _Output(self._file))
        super().start_application_mode()
        self.write(_KEEP_TITLE)

    def stop_application_mode(self) -> None:
        """Give it back, under its own name."""
        self.write(_OLD_TITLE)
        super().stop_application_mode()


def set_title(app: App[int], title: str) -> None:
    """Name the terminal's window, where there is one."""
    driver = app._driver  # pyright: ignore[reportPrivateUsage]
    if isinstance(driver, HardyDriver):
        driver.write(f"\x1b]2;{plain(title)}\x07")


def hardy(driver: type[Driver]) -> type[Driver]:
    """The driver to use in place of another: ours in place of Textual's for a terminal."""
    return HardyDriver if driver is LinuxDriver else driver
