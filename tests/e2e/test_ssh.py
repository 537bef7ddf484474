"""The cockpit by the real `ssh`: keys, roles, names, sizes, rubbish, and lines that drop."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoresearch_tui.control import process_lives
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.e2e.test_terminal import Terminal
from tests.studies import call, command, make_study, stop, until

pytestmark = pytest.mark.e2e


@dataclass
class Server:
    """A study, and `serve` in front of it."""

    study: Path
    home: Path
    port: int
    process: subprocess.Popen[str]

    def ssh(self, who: str, *words: str, terminal: bool = True) -> list[str]:
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": str(self.home / "known"),
            "IdentitiesOnly": "yes",
            "PreferredAuthentications": "publickey,password,keyboard-interactive",
            "NumberOfPasswordPrompts": "0",
            "LogLevel": "ERROR",
        }
        given = [f"-o{name}={value}" for name, value in options.items()]
        key = str(self.home / who)
        flags = ["-tt"] if terminal else ["-T"]
        return [
            "ssh",
            "-F/dev/null",
            *flags,
            *given,
            "-i",
            key,
            "-p",
            str(self.port),
            "x@127.0.0.1",
            *words,
        ]

    def try_in(
        self, who: str, *words: str, terminal: bool = False
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.ssh(who, *words, terminal=terminal),
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def events(self, kind: str) -> list[tuple[str, str]]:
        with open_reader(StudyPaths(self.study).database) as reader:
            return [(e.actor, e.text) for e in reader.events(0, 100_000) if e.kind == kind]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    home = tmp_path_factory.mktemp("home")
    study = make_study(tmp_path_factory.mktemp("served") / "study")
    lines: list[str] = []
    for name, role in (("maria", "operator "), ("ada", "viewer "), ("eve", None)):
        key = home / name
        subprocess.run(
            ["ssh-keygen", "-qt", "ed25519", "-N", "", "-C", name, "-f", key], check=True
        )
        if role is not None:
            lines.append(role + (home / f"{name}.pub").read_text())
    keys = home / "authorized_keys"
    keys.write_text("".join(lines))
    keys.chmod(0o600)
    engine = subprocess.Popen(
        command(study, "--no-ui", "--approval", "manual"), stdout=subprocess.DEVNULL
    )
    until(StudyPaths(study).database.exists, "the study's database")
    served = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "autoresearch_tui",
            "serve",
            str(study),
            "--port",
            "0",
            "--keys",
            str(keys),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert served.stdout is not None
    said = served.stdout.readline()
    port = int(said.split()[2])
    try:
        yield Server(study, home, port, served)
    finally:
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=30)
        assert served.returncode == 0
        stop(study)
        engine.wait(30)


def test_an_operator_acts_under_the_name_of_the_key(server: Server):
    with Terminal(120, 40, server.ssh("maria")) as terminal:
        terminal.shows("val_bpb")
        terminal.shows("wait for approval")
        terminal.press("w", "A")
        terminal.shows("approved")
        until(
            lambda: ("maria",) in {(a,) for a, _ in server.events("experiment.queued")},
            "her approval",
        )
        terminal.press("P")
        terminal.shows("PAUSED")
        terminal.press("P")
        until(lambda: [a for a, _ in server.events("study.running")] == ["maria"], "her name")
        terminal.press("q")
        terminal.shows("goes on without this screen")
        terminal.shows("ended with 0")


def test_a_viewer_sees_all_and_changes_nothing(server: Server):
    with Terminal(120, 40, server.ssh("ada")) as terminal:
        terminal.shows("wait for approval")
        before = server.events("approval"), server.events("study.paused")
        terminal.press("w", "A", "P", "M", "S", "X")
        terminal.press("5")
        terminal.shows("you look on")
        # What was pressed before it has been dealt with.
        terminal.shows("5 e0")
        assert (server.events("approval"), server.events("study.paused")) == before
        assert "Stop the study?" not in terminal.screen()
        terminal.press("q")
        terminal.shows("ended with 0")


def test_keys_that_are_not_known_and_all_else_are_refused(server: Server):
    refused = server.try_in("eve")
    assert refused.returncode == 255
    assert "Permission denied (publickey)" in refused.stderr
    shell = server.try_in("maria", "cat /etc/passwd")
    assert shell.returncode == 1
    assert "there is no shell here" in shell.stderr
    assert shell.stdout == ""
    bare = server.try_in("maria")
    assert bare.returncode == 1
    assert "needs a terminal" in bare.stderr
    forward = subprocess.run(
        [
            *server.ssh("maria", terminal=False)[:-1],
            "-oExitOnForwardFailure=yes",
            "-W",
            "127.0.0.1:22",
            "x@127.0.0.1",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert forward.returncode != 0
    assert "stdio forwarding failed" in forward.stderr


def test_the_window_may_change_its_size(server: Server):
    with Terminal(120, 40, server.ssh("ada")) as terminal:
        terminal.shows("experiments")
        terminal.resize(40, 10)
        terminal.shows("60x15 needed, 40x10 here")
        terminal.resize(120, 40)
        terminal.shows("experiments")


def children(server: Server) -> list[int]:
    listed = subprocess.run(
        ["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True
    )
    return [int(pid) for pid in listed.stdout.split()]


def test_a_dropped_line_ends_its_cockpit_and_nothing_else(server: Server):
    until(lambda: not children(server), "no cockpit left of the tests before")
    with Terminal(120, 40, server.ssh("maria")) as terminal:
        terminal.shows("experiments")
        (cockpit,) = children(server)
    until(lambda: not process_lives(cockpit), "the end of the cockpit")
    assert server.process.poll() is None
    assert "running" in call("status", "-C", server.study).stdout


def test_rubbish_before_the_handshake_harms_nobody(server: Server):
    for _ in range(3):
        line = socket.create_connection(("127.0.0.1", server.port), 10)
        with line, contextlib.suppress(OSError):
            line.sendall(os.urandom(10_000))
            line.settimeout(30)
            while line.recv(4096):
                pass
    assert server.try_in("maria").returncode == 1


def test_twenty_at_once(server: Server):
    opened = [
        subprocess.Popen(
            server.ssh("ada"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(20)
    ]
    try:
        until(lambda: len(children(server)) == 20, "20 cockpits", 90.0)
        for each in opened:
            assert each.stdout is not None
            assert each.stdout.read(1)
    finally:
        for each in opened:
            each.kill()
            each.communicate()
    until(lambda: not children(server), "the end of all", 90.0)
