"""The cockpit over SSH: for those whose keys are known, without a shell."""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path

import asyncssh

from autoresearch_tui.control import ACTOR, ROLE
from autoresearch_tui.errors import AutoresearchError, ConfigError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.serve.people import Person, read_people
from autoresearch_tui.serve.terminal import PseudoTerminal

log = logging.getLogger(__name__)

MOST_SESSIONS = 64
"""Terminals that are open at a time."""

_MOST_FAILURES, _FAILURE_SECONDS = 10, 60.0
_LOGIN_SECONDS = 20.0
_PASSED_ON = ("PATH", "HOME", "LANG", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "VIRTUAL_ENV")


class Gate:
    """Turns away whoever has failed too often of late; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=_MOST_FAILURES)
        )

    def is_open(self, address: str) -> bool:
        """Whether one from there may try."""
        failures = self._failures.get(address)
        if failures is None or len(failures) < _MOST_FAILURES:
            return True
        return self._clock() - failures[0] > _FAILURE_SECONDS

    def failed(self, address: str) -> None:
        """One from there went without having come in."""
        self._failures[address].append(self._clock())


class _Visitor(asyncssh.SSHServer):
    """One connection: a public key of a person who is known, and nothing else, opens it."""

    def __init__(self, keys: Path, gate: Gate) -> None:
        self._keys = keys
        self._gate = gate
        self._address = ""
        self._is_in = False

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Turn away whoever has failed too often."""
        self._connection = conn
        self._address = str((conn.get_extra_info("peername") or ("",))[0])
        if not self._gate.is_open(self._address):
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count who did not come in."""
        if not self._is_in:
            self._gate.failed(self._address)

    def begin_auth(self, username: str) -> bool:
        """Nobody comes in without a key, under whatever name."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Keys open."""
        return True

    def password_auth_supported(self) -> bool:
        """Passwords do not."""
        return False

    def kbdint_auth_supported(self) -> bool:
        """Nor answers to questions."""
        return False

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether a key is known, by the file as it is now."""
        try:
            person = read_people(self._keys).get(key.public_data)
        except ConfigError as error:
            log.warning("nobody can come in: %s", error)
            return False
        if person is None:
            return False
        self._connection.set_extra_info(person=person)
        return True

    def auth_completed(self) -> None:
        """They are in."""
        self._is_in = True


class CockpitServer:
    """Opens the cockpit of one study for each session."""

    def __init__(self, paths: StudyPaths, keys: Path) -> None:
        self._paths = paths
        self._keys = keys
        self._gate = Gate()
        self._sessions = 0

    async def listen(self, host: str, port: int) -> asyncssh.SSHAcceptor:
        """Begin to listen; port 0 takes any that is free.

        Raises:
            ConfigError: the keys or the host key cannot be read.
            OSError: the address cannot be had.
        """
        read_people(self._keys)
        return await asyncssh.listen(
            host,
            port,
            server_factory=lambda: _Visitor(self._keys, self._gate),
            server_host_keys=[host_key(self._paths.state / "ssh_host_key")],
            process_factory=self._session,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            allow_scp=False,
            sftp_factory=None,
            x11_forwarding=False,
            login_timeout=_LOGIN_SECONDS,
            keepalive_interval=30,
            keepalive_count_max=4,
        )

    async def _session(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        person: Person = process.get_extra_info("person")
        why = ""
        if process.command is not None or process.subsystem is not None:
            why = "there is no shell here, only the cockpit: connect without a command"
        elif process.term_type is None:
            why = "the cockpit needs a terminal: ssh -t"
        elif self._sessions >= MOST_SESSIONS:
            why = f"{MOST_SESSIONS} sessions are open already"
        if why:
            process.stderr.write(f"{why}\r\n".encode())
            process.exit(1)
            return
        self._sessions += 1
        log.info("%s, %s, comes in", person.name, person.role)
        try:
            process.exit(await self._show(process, person))
        except (AutoresearchError, OSError) as error:
            process.stderr.write(f"error: {error}\r\n".encode())
            process.exit(1)
        finally:
            self._sessions -= 1
            log.info("%s leaves", person.name)

    async def _show(self, process: asyncssh.SSHServerProcess[bytes], person: Person) -> int:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= {"TERM": process.term_type or "xterm", ACTOR: person.name, ROLE: person.role}
        env.setdefault("LANG", "C.UTF-8")
        if (colours := process.env.get("COLORTERM")) in ("truecolor", "24bit"):
            env["COLORTERM"] = str(colours)
        command = [sys.executable, "-m", "autoresearch_tui", "open", str(self._paths.root)]
        columns, lines, *_ = process.term_size
        terminal = await PseudoTerminal.start(command, env, (columns, lines))
        try:
            async with asyncio.TaskGroup() as group:
                typed = group.create_task(_type(process, terminal))
                await _draw(process, terminal)
                typed.cancel()
        finally:
            await asyncio.shield(terminal.close())
        return await terminal.exit_code()


async def _draw(process: asyncssh.SSHServerProcess[bytes], terminal: PseudoTerminal) -> None:
    """Pass on what is drawn, no faster than the line takes it, until one side ends."""
    with contextlib.suppress(asyncssh.Error, OSError):
        while data := await terminal.read():
            process.stdout.write(data)
            await process.stdout.drain()


async def _type(process: asyncssh.SSHServerProcess[bytes], terminal: PseudoTerminal) -> None:
    """Pass on what is typed and how large the window is; hang up when the line is gone."""
    while True:
        try:
            data = await process.stdin.read(65536)
        except asyncssh.TerminalSizeChanged as change:
            terminal.resize((change.width, change.height))
        except (asyncssh.BreakReceived, asyncssh.SignalReceived):
            continue
        except (asyncssh.Error, OSError):
            break
        else:
            if not data:
                break
            await terminal.write(data)
    terminal.hang_up()


def host_key(path: Path) -> asyncssh.SSHKey:
    """The server's own key, made once.

    Raises:
        ConfigError: there is one that cannot be read.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            made = asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType]
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
                file.write(made.export_private_key())
        return asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigError(f"{path}: the host key cannot be read: {error}") from None
