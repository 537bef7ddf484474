"""Ways to a cluster: over SSH, by the configuration that SkyPilot has written for it."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources import files
from pathlib import Path

import asyncssh

from autoresearch_tui.backends.skypilot.link import NoWayError, Pipe
from autoresearch_tui.backends.skypilot.script import agent_command
from autoresearch_tui.backends.skypilot.sdk import Record
from autoresearch_tui.errors import BackendError

Reach = Callable[[Record, str], AbstractAsyncContextManager[Pipe]]
"""Opens a way to a cluster, and runs a shell command there."""

_CONNECT_SECONDS = 30


def agent_at(record: Record, uid: str, token: str) -> str:
    """The shell command that starts the agent of the study `uid` on a cluster."""
    text = (files("autoresearch_tui.backends.skypilot") / "agent.py").read_text()
    slurm = record.cloud == "Slurm"
    return agent_command(record.on_cloud if slurm else "", text, json.dumps([uid, token]))


@asynccontextmanager
async def by_ssh(record: Record, command: str) -> AsyncGenerator[Pipe]:
    """Run a command on a cluster.

    Raises:
        BackendError: it cannot be reached.
    """
    path = _configuration(record.name)
    text = await asyncio.to_thread(_text_of, path)
    # Not understood by asyncssh; and only where SkyPilot itself trusts any host.
    trust = {"known_hosts": None} if "StrictHostKeyChecking no" in text else {}
    try:
        async with (
            asyncio.timeout(_CONNECT_SECONDS) as patience,
            asyncssh.connect(
                record.name, config=[str(path)], keepalive_interval=15, **trust
            ) as connection,
            connection.create_process(command, encoding=None) as process,
        ):
            patience.reschedule(None)

            async def last_words() -> str:
                return _last_line(await process.stderr.read())

            yield Pipe(process.stdin.write, aiter(process.stdout), last_words)
    except (OSError, asyncssh.Error, TimeoutError) as error:
        text = str(error) or type(error).__name__
        raise BackendError(f"cannot be reached by SSH: {' '.join(text.split())}") from error


def _text_of(path: Path) -> str:
    """A cluster's SSH configuration; where its server is elsewhere, their command writes it here.

    Raises:
        NoWayError: there is none.
    """
    if not path.exists():
        command = [str(Path(sys.executable).with_name("sky")), "status", path.name]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=_CONNECT_SECONDS * 2, check=False)
    try:
        return path.read_text()
    except OSError as error:
        raise NoWayError(f"SkyPilot has no SSH configuration of it: {error}") from error


def _configuration(cluster: str) -> Path:
    home = Path(os.environ.get("SKY_RUNTIME_DIR", "~")).expanduser()
    return home / ".sky" / "generated" / "ssh" / cluster


def _last_line(data: bytes) -> str:
    lines = data.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
