"""Whatever becomes of its output, a study goes on; and the terminal is given back as it was."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from autoresearch_tui.domain import ExperimentStatus, StudyStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.e2e.test_terminal import Terminal
from tests.studies import call, command, make_study, stop, until

pytestmark = pytest.mark.e2e

C_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "latin-1"}, C_LOCALE], ids=["latin-1", "no UTF-8"]
)
def test_an_encoding_that_lacks_a_sign_ends_nothing(tmp_path: Path, env: dict[str, str]):
    study = make_study(tmp_path / "study")
    done = call(study, "--no-ui", "--max-experiments", "4", env=env)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "\\u2192" in done.stdout
    for words in (["list"], ["status"], ["show", "e0002"], ["report"]):
        seen = call(*words, "-C", study, env=env)
        assert (seen.returncode, seen.stderr) == (0, "")


def test_a_closed_pipe_ends_nothing(tmp_path: Path):
    study = make_study(tmp_path / "study")
    words = command(study, "--no-ui", "--max-experiments", "4")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        assert engine.stderr is not None
        engine.stdout.readline()
        engine.stdout.close()
        said = engine.stderr.read()
        assert engine.wait(120) == 0
    assert said == b""
    with open_reader(StudyPaths(study).database) as reader:
        assert reader.experiment_counts()[ExperimentStatus.JUDGED] == 4
        assert reader.study().status is StudyStatus.FINISHED


def test_a_defect_leaves_its_traceback_and_a_word(tmp_path: Path):
    study = make_study(tmp_path / "study")
    (study / "results.tsv").mkdir()
    done = call(study, "--no-ui", "--max-experiments", "3")
    assert done.returncode == 1
    assert "results.tsv" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    log = StudyPaths(study).engine_log.read_text()
    assert "the engine ended by a defect" in log
    assert "Traceback" in log
    assert "see engine.log" in call("status", "-C", study).stdout


def test_a_killed_engine_is_said_to_be_gone_at_once(tmp_path: Path):
    study = make_study(tmp_path / "study")
    with subprocess.Popen(command(study, "--no-ui"), stdout=subprocess.DEVNULL) as engine:
        until(StudyPaths(study).socket.exists, "the engine's socket")
        assert f"running (process {engine.pid})" in call("status", "-C", study).stdout
        engine.kill()
        engine.wait()
    assert "not running" in call("status", "-C", study).stdout
    call(study, "--no-ui", "--max-experiments", "3")


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_without_a_terminal_the_cockpit_is_not_drawn(tmp_path: Path, term: str):
    study = make_study(tmp_path / "study")
    done = call(study, env={"TERM": term})
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["error: this is no terminal: use `--no-ui`"]
    assert not StudyPaths(study).database.exists()


def test_a_dumb_terminal_is_told(tmp_path: Path):
    study = make_study(tmp_path / "study")
    with Terminal(80, 24, ["env", "TERM=dumb", *command(study)]) as terminal:
        terminal.shows("ended with 2")
        assert "use `--no-ui`" in terminal.screen()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals):
    study = make_study(tmp_path / "study")
    try:
        with Terminal(80, 24, command(study)) as terminal:
            terminal.lives()
            assert terminal.flags() == "1 1 0"
            os.kill(cockpit_of(study), number)
            terminal.shows(f"ended with {128 + number}")
            until(lambda: terminal.flags() == "0 0 1", "the terminal as it was")
    finally:
        stop(study)


def cockpit_of(study: Path) -> int:
    """The process that draws: ours, and not the engine."""
    wanted = [os.fsencode(word) for word in command(study)]
    found = (p.parent for p in Path("/proc").glob("[0-9]*/cmdline") if _words(p) == wanted)
    return int(next(found).name)


def _words(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")[:-1]
    except OSError:
        return []
