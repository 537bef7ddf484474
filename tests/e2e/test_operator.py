"""An operator's evening in a real terminal: decide, search, copy, open, and be cut off."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from autoresearch_tui.control import process_lives
from autoresearch_tui.domain import ExperimentStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.e2e.test_terminal import Terminal
from tests.studies import command, make_study, stop, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]


@pytest.fixture
def study(tmp_path: Path) -> Generator[Path]:
    made = make_study(tmp_path / "study")
    yield made
    stop(made)


def statuses(study: Path) -> dict[str, ExperimentStatus]:
    with open_reader(StudyPaths(study).database) as reader:
        return {e.id: e.status for e in reader.experiments()}


def waiting(study: Path) -> list[str]:
    return [e for e, status in statuses(study).items() if status is ExperimentStatus.PROPOSED]


def test_approve_undo_veto_search_copy_and_resize(study: Path):
    with Terminal(120, 40, command(study, "--approval", "manual")) as terminal:
        terminal.tmux("set-option", "-s", "set-clipboard", "on")
        terminal.shows("wait for approval")
        first, second = sorted(waiting(study))[:2]
        terminal.press("P")
        terminal.shows("P resume")
        terminal.press("w")
        terminal.press("A")
        terminal.shows(f"{first} approved")
        until(lambda: statuses(study)[first] is ExperimentStatus.QUEUED, "the approval")
        terminal.press("u")
        until(lambda: statuses(study)[first] is ExperimentStatus.PROPOSED, "it taken back")
        terminal.press("/")
        terminal.shows("Find in")
        terminal.press(*second, "Enter")
        until(lambda: "Find in" not in terminal.screen(), "the search closed")
        terminal.press("V")
        terminal.shows("Veto")
        terminal.press("not", "Space", "now", "Enter")
        until(lambda: statuses(study)[second] is ExperimentStatus.VETOED, "the veto")
        terminal.press("y")
        terminal.shows(f"Copied: {second}")
        until(lambda: terminal.tmux("show-buffer").startswith(second), "the copy in tmux's buffer")
        with open_reader(StudyPaths(study).database) as reader:
            (said,) = reader.events_of(["experiment.vetoed"])
        assert "not now" in said.text
        terminal.resize(80, 24)
        terminal.shows("1 results 2 reasoning 3 list")
        terminal.resize(200, 60)
        terminal.shows(f"5 {second}")
        terminal.press("Enter")
        terminal.shows("1 summary")
        terminal.press("Escape")
        until(lambda: "1 summary" not in terminal.screen(), "the way back")


def test_a_pane_is_opened_in_the_own_pager(study: Path, tmp_path: Path):
    seen = tmp_path / "seen"
    words = ["env", f"PAGER=sh -c 'cat $0 > {seen}; sleep 0.2'", *command(study)]
    with Terminal(120, 40, words) as terminal:
        terminal.shows("judged 3")
        terminal.press("2", "o")
        until(lambda: seen.exists() and "turn" in seen.read_text(), "the reasoning in the pager")
        # The cockpit is there again.
        terminal.lives()


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["small", "large"])
def test_what_is_drawn_by_its_changes_is_what_is_drawn_at_once(size: tuple[int, int]):
    words = [sys.executable, "-m", "autoresearch_tui", "replay", "--speed", "3600"]
    journeys = (
        "b",
        "Space Space j j j",
        "c 2 j j",
        "q Escape 1 z",
        "z 2 k k k",
        "s s s s G",
        "? Escape i j",
    )
    with Terminal(*size, words) as terminal:
        terminal.shows("at its end")
        for keys in journeys:
            for key in keys.split():
                terminal.press(key)
                drawn = still(terminal)
            Path(terminal.tty).write_text("\x1b[3;3H" + "written over " * 5)
            terminal.shows("written over written over")
            terminal.press("C-l")
            until(lambda: "written over" not in terminal.screen(), f"all drawn anew after {keys}")
            assert still(terminal) == drawn, keys


def still(terminal: Terminal) -> str:
    """The screen with its colours, once nothing changes any more."""
    seen = ["", ""]
    while (now := terminal.tmux("capture-pane", "-p", "-e")) != seen[0] or now != seen[1]:
        seen = [now, seen[0]]
        time.sleep(0.2)
    return now


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_every_signal_leaves_the_terminal_as_it_was_and_the_study_alive(
    study: Path, number: signal.Signals
):
    with Terminal(120, 40, command(study)) as terminal:
        terminal.shows("judged 3")
        assert terminal.flags() == "1 1 0"
        (cockpit,) = terminal.processes("python")
        with open_reader(StudyPaths(study).database) as reader:
            engine = reader.study().engine_pid
        subprocess.run(["kill", f"-{number}", str(cockpit)], check=True)
        terminal.shows(f"ended with {128 + number}")
        assert terminal.flags() == "0 0 1"
        assert engine is not None
        assert process_lives(engine)


def test_a_terminal_that_is_killed_takes_the_cockpit_but_not_the_study(study: Path):
    with Terminal(120, 40, command(study)) as terminal:
        terminal.shows("judged 3")
        (cockpit,) = terminal.processes("python")
        with open_reader(StudyPaths(study).database) as reader:
            engine = reader.study().engine_pid
    until(lambda: not process_lives(cockpit), "the cockpit's end")
    assert engine is not None
    assert process_lives(engine)


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        (["NO_COLOR=1"], set[str]()),
        (["COLORTERM=", "TERM=xterm"], {"16"}),
        (["COLORTERM=truecolor"], {"true"}),
    ],
)
def test_no_more_colours_are_sent_than_the_terminal_has(
    study: Path, environment: list[str], colours: set[str]
):
    with Terminal(120, 40, ["env", *environment, *command(study)]) as terminal:
        terminal.shows("judged 3")
        terminal.lives()
        assert sent_colours(terminal.tmux("capture-pane", "-p", "-e")) <= colours


def sent_colours(screen: str) -> set[str]:
    """Which kinds of colours a screen has: of 16, of 256, or true ones; greys are none."""
    found: set[str] = set()
    for codes in re.findall(r"\x1b\[([\d;:]*)m", screen):
        for red, green, blue in re.findall(r"[34]8[;:]2[;:]+(\d+)[;:](\d+)[;:](\d+)", codes):
            if not red == green == blue:
                found.add("true")
        if re.search(r"[34]8[;:]5[;:]", codes):
            found.add("256")
        rest = re.sub(r"[34]8[;:][25][;:\d]*", "", codes)
        if re.search(r"(^|;)(3[1-6]|4[1-6]|9[1-6]|10[1-6])(;|$)", rest):
            found.add("16")
    return found
