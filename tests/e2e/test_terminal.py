"""The cockpit in a real terminal: tmux starts it, presses keys and reads the screen."""

import os
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Self

import pytest

from autoresearch_tui.control import process_lives
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import call, command, make_study, stop, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]


class Terminal:
    """One tmux server of our own, for as long as the context lasts."""

    def __init__(self, columns: int, lines: int, words: list[str]) -> None:
        self._base = ["tmux", "-L", f"artui-{uuid.uuid4().hex[:8]}", "-f", os.devnull]
        # A size in the environment would count for more than the terminal's own.
        shell = f"unset COLUMNS LINES; {shlex.join(words)}; echo ended with $?; exec cat"
        size = ["-x", str(columns), "-y", str(lines)]
        self.tmux("new-session", "-d", *size, f"COLORTERM=truecolor sh -c {shlex.quote(shell)}")

    def tmux(self, *words: str) -> str:
        """A command to it, and what that prints."""
        done = subprocess.run([*self._base, *words], check=True, capture_output=True, text=True)
        return done.stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def resize(self, columns: int, lines: int) -> None:
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def flags(self) -> str:
        """Mouse reporting, alternate screen, visible cursor; 1 where it is on."""
        return self.tmux(
            "display-message", "-p", "#{mouse_any_flag} #{alternate_on} #{cursor_flag}"
        ).strip()

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def shows(self, text: str) -> None:
        try:
            until(lambda: text in self.screen(), repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None

    def lives(self) -> None:
        """Runs of a tenth of a second leave slots idle behind a countdown: slow, not dead."""
        words = ("● HEALTHY", "◐ SLOW", "○ IDLE")
        until(lambda: any(word in self.screen() for word in words), "a living study")

    @property
    def tty(self) -> str:
        return self.tmux("display-message", "-p", "#{pane_tty}").strip()

    def processes(self, name: str = "") -> list[int]:
        """What runs in it, by a part of its command's name."""
        words = ["ps", "-t", self.tty.removeprefix("/dev/"), "-o", "pid=,comm="]
        listed = subprocess.run(words, capture_output=True, text=True)
        found = (line.split(None, 1) for line in listed.stdout.splitlines())
        return [int(pid) for pid, command in found if name in command]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        processes = self.processes()
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)
        # Nothing stays behind of a terminal that is gone.
        until(lambda: not any(map(process_lives, processes)), "the end of what ran there")


@pytest.fixture
def study(tmp_path: Path) -> Generator[Path]:
    made = make_study(tmp_path / "study")
    yield made
    stop(made)


def test_watch_steer_leave_and_come_back(study: Path):
    with Terminal(120, 40, command(study)) as terminal:
        terminal.lives()
        terminal.shows("judged 3")
        terminal.press("P")
        terminal.shows("‖ PAUSED")
        terminal.press("P")
        terminal.lives()
        terminal.press("M")
        terminal.shows("approval veto")
        terminal.press("?")
        terminal.shows("DECIDE")
        terminal.press("Escape")
        # Keys that come right behind an escape would be read as one sequence.
        until(lambda: "DECIDE" not in terminal.screen(), "the help closed")
        terminal.press("q")
        terminal.shows("goes on without this screen")
        terminal.shows("ended with 0")
    with open_reader(StudyPaths(study).database) as reader:
        before = reader.study()
    assert before.engine_pid is not None
    os.kill(before.engine_pid, 0)
    with Terminal(80, 24, command(study)) as again:
        again.lives()
        assert str(before.engine_pid) in call("status", "-C", study).stdout
        os.kill(before.engine_pid, 9)
        again.shows("DEAD: no engine")
        again.press("E")
        again.lives()
        again.press("S")
        again.shows("Stop the study?")
        again.press("X")
        again.shows("■ FINISHED")


def test_a_proposal_is_changed_in_the_editor_first(study: Path):
    words = ["env", "EDITOR=sed -i s/LR/WIDTH/;s/0.12/80/", *command(study, "--approval", "manual")]
    with Terminal(120, 40, words) as terminal:
        terminal.shows("wait for approval")
        terminal.press("f")
        terminal.shows("Show")
        terminal.press("is:proposed", "Space", "title~LR", "Enter")
        terminal.shows("of is:proposed title~LR")
        terminal.press("Home", "I")
        until(lambda: _vetoed(study), "the first one vetoed")
        terminal.lives()
    with open_reader(StudyPaths(study).database) as reader:
        found = reader.experiments()
    (vetoed,) = [e for e in found if e.status == "vetoed"]
    (mine,) = [e for e in found if e.origin == "operator"]
    assert "LR" in vetoed.title
    assert mine.title == vetoed.title.replace("LR", "WIDTH").replace("0.12", "80")


def _vetoed(study: Path) -> bool:
    with open_reader(StudyPaths(study).database) as reader:
        return any(e.status == "vetoed" for e in reader.experiments())


def test_small_terminal(study: Path):
    with Terminal(40, 10, command(study)) as terminal:
        terminal.shows("60x15 needed")
        assert "val_bpb" not in terminal.screen()
        terminal.press("q")
        terminal.shows("ended with 0")


def test_a_study_that_cannot_start_says_so_in_one_line(tmp_path: Path):
    with Terminal(120, 20, command(tmp_path)) as terminal:
        terminal.shows("ended with 1")
        assert "error: " in terminal.screen()
        assert "Traceback" not in terminal.screen()
