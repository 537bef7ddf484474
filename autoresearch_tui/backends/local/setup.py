"""Runs a task's `setup` once on this machine, as a job of a slot of its own.

So it outlives the engine and is adopted by the next one, and never runs twice at once. A file says
for which script, variables and commit it has been done.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from autoresearch_tui.backends.base import Job, JobState, JobStatus
from autoresearch_tui.backends.local.slot_client import Slot
from autoresearch_tui.backends.local.slot_files import read_json, write_json
from autoresearch_tui.backends.reasons import telling_line
from autoresearch_tui.errors import BackendError
from autoresearch_tui.tail import last_line, last_lines

TIME_LIMIT = 6 * 3600.0
"""Seconds; downloads and compilation included."""

_POLL_SECONDS = 0.3

_TOLD_BYTES = 65536
"""End of the output in which the reason of a failure is looked for."""


class Setup:
    """The set-up `script` with the variables `envs`, once for each `commit`.

    `slot` is not shared with runs; the output goes to `log`.
    """

    def __init__(
        self, slot: Slot, script: str, envs: Mapping[str, str], commit: str, log: Path
    ) -> None:
        identity = json.dumps([script, sorted(envs.items()), commit])
        self._digest = hashlib.sha256(identity.encode()).hexdigest()
        self._name = f"setup-{self._digest[:16]}"
        self._slot = slot
        self._script = script
        self._envs = envs
        self._log = log
        self._mark = slot.files.root / "done.json"

    def is_done(self) -> bool:
        """Whether nothing is left to do; blocks on a file."""
        if not self._script.strip():
            return True
        with self._slot.refusals("its mark cannot be read"):
            return (read_json(self._mark) or {}).get("digest") == self._digest

    async def run(
        self,
        directory: Callable[[], Awaitable[Path]],
        env: Mapping[str, str],
        now: Callable[[], float],
        said: Callable[[str], None],
    ) -> None:
        """Run the set-up in the directory that `directory` makes, or adopt the one that runs.

        `env` is the environment below the task's variables; `said` gets the newest line of output.

        Raises:
            BackendError: it failed; another call tries again.
        """
        await asyncio.to_thread(self._slot.prepare, "")
        name = await self._adopt()
        if name is None:
            at = now()
            # Each try is a job of its own: a supervisor may still know the one before.
            name = f"{self._name}-{int(at * 1000):x}"
            workdir = await directory()
            await asyncio.to_thread(self._submit, name, workdir, env, at)
        # Its supervisor is of no use afterwards.
        await asyncio.to_thread(self._slot.stop)
        state = await self._ended(name, said)
        if state is None or state.status is not JobStatus.SUCCEEDED:
            raise BackendError(await asyncio.to_thread(self._failure, state))
        with self._slot.refusals("its mark cannot be written"):
            await asyncio.to_thread(write_json, self._mark, {"digest": self._digest}, durable=True)

    def _failure(self, state: JobState | None) -> str:
        if state is None:
            return "set-up failed: its files were removed while it ran"
        reason = state.why or f"exit code {state.exit_code}"
        line = telling_line(last_lines(self._log, _TOLD_BYTES))
        said = f": {line}" if line else ""
        return f"set-up failed ({reason}){said}; `autoresearch-tui logs setup` shows all of it"

    async def _adopt(self) -> str | None:
        """The job of this set-up that runs or has succeeded; all others are ended and removed."""
        adopted: str | None = None
        for state in await asyncio.to_thread(self._slot.states):
            reusable = not state.status.is_final or state.status is JobStatus.SUCCEEDED
            if state.name.startswith(self._name) and reusable:
                adopted = state.name
                await asyncio.to_thread(self._slot.ensure)
                continue
            await asyncio.to_thread(self._slot.cancel, state.name)
            await self._ended(state.name, lambda _: None)
            await asyncio.to_thread(self._slot.forget, state.name)
        return adopted

    def _submit(self, name: str, workdir: Path, env: Mapping[str, str], now: float) -> None:
        with self._slot.refusals("its log cannot be made"):
            self._log.parent.mkdir(parents=True, exist_ok=True)
        job = Job(name, workdir, self._script, self._envs, TIME_LIMIT)
        self._slot.submit(job, {**env, **self._envs}, (), now, self._log)

    async def _ended(self, name: str, said: Callable[[str], None]) -> JobState | None:
        """Wait for the end of a job of the slot; None when it is gone."""
        newest = ""
        while True:
            states = await asyncio.to_thread(self._slot.states)
            state = next((state for state in states if state.name == name), None)
            if state is None or state.status.is_final:
                return state
            line = await asyncio.to_thread(last_line, self._log)
            if line != newest:
                newest = line
                said(line)
            await asyncio.sleep(_POLL_SECONDS)
