"""Textual's driver for terminals that may go away at any moment."""

import contextlib
import os
import sys
from typing import TextIO, cast

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.message import Message

from autoresearch_tui.plain import plain
from autoresearch_tui.tui.picture import Picture

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
    """Ends with its terminal, and sends little to it.

    Textual's thread that writes ends at the first error, with what is still queued for it; once
    30 pieces wait, so does the program, for ever.
    """

    _picture = Picture()
    _is_foreign = False

    def write(self, data: str) -> None:
        """Write what changes the picture."""
        if self._is_foreign:
            self._is_foreign = False
            self._picture = Picture()
        if changes := self._picture.changes(data):
            super().write(changes)

    def pass_on(self, sequence: str) -> None:
        """Send what draws nothing just as it is."""
        super().write(sequence)

    def forget(self) -> None:
        """Send all that is drawn next, whatever is there."""
        self._is_foreign = True

    def process_message(self, message: Message) -> None:
        """A terminal of another size may show anything; runs in a thread."""
        if isinstance(message, Resize):
            self.forget()
        super().process_message(message)

    def start_application_mode(self) -> None:
        """Take the terminal over, from whoever had it."""
        self._picture = Picture()
        if not isinstance(self._file, _Output):
            # Textual writes to the standard error, which some send to a file.
            file = self._file if self._file.isatty() else sys.__stdout__ or self._file
            self._file = cast(TextIO, _Output(file))
        super().start_application_mode()
        self.write(_KEEP_TITLE)

    def stop_application_mode(self) -> None:
        """Give it back, under its own name."""
        super().write(f"\x1b[m{_OLD_TITLE}")
        super().stop_application_mode()


def set_title(app: App[int], title: str) -> None:
    """Name the terminal's window, where there is one."""
    driver = app._driver  # pyright: ignore[reportPrivateUsage]
    if isinstance(driver, HardyDriver):
        driver.write(f"\x1b]2;{plain(title)}\x07")


def tell_desktop(app: App[int], words: str) -> None:
    """Have the terminal show a notification on its desktop, where it knows how."""
    driver = app._driver  # pyright: ignore[reportPrivateUsage]
    if isinstance(driver, HardyDriver):
        driver.pass_on(notification(words, in_tmux="TMUX" in os.environ))


def notification(words: str, *, in_tmux: bool) -> str:
    """The sequence for it (OSC 9); tmux hands on what is wrapped, with `allow-passthrough`."""
    sequence = f"\x1b]9;{plain(words)}\x07"
    return f"\x1bPtmux;\x1b{sequence}\x1b\\" if in_tmux else sequence


def redraw(app: App[int]) -> None:
    """Draw the whole screen, whatever the terminal shows."""
    driver = app._driver  # pyright: ignore[reportPrivateUsage]
    if isinstance(driver, HardyDriver):
        driver.forget()
    app.screen.refresh()


def hardy(driver: type[Driver]) -> type[Driver]:
    """The driver to use in place of another: ours in place of Textual's for a terminal."""
    return HardyDriver if driver is LinuxDriver else driver
