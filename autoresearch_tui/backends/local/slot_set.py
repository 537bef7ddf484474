"""All slots of a study on this machine, as they stand on disk. Every method blocks on files."""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from autoresearch_tui.backends.base import JobState
from autoresearch_tui.backends.local.machine import Share
from autoresearch_tui.backends.local.slot_client import Slot
from autoresearch_tui.backends.local.slot_files import wait_for_lock
from autoresearch_tui.errors import BackendError

SETUP = "setup"
"""Name of the slot that runs the set-up, and never a run."""

# Seconds given to idle supervisors to end.
_STOP_SECONDS = 8.0


class SlotSet:
    """The slots below the directory `home`, those of earlier engines included."""

    def __init__(self, home: Path, idle_seconds: float) -> None:
        self.home = home
        self.setup = Slot(SETUP, home / SETUP, idle_seconds)
        self._idle_seconds = idle_seconds
        self._slots: dict[str, Slot] = {}
        self._attached: int | None = None

    def attach(self) -> None:
        """Let idle supervisors stay, until `detach` or the end of this process."""
        if self._attached is None:
            try:
                self.home.mkdir(parents=True, exist_ok=True)
                self._attached = wait_for_lock(self.home / "attached", shared=True)
            except OSError as error:
                raise BackendError(
                    f"local: {self.home} cannot be used: {error.strerror}"
                ) from error

    def detach(self) -> None:
        """Take back `attach`."""
        if self._attached is not None:
            os.close(self._attached)
            self._attached = None

    def prepare(self, shares: Iterable[Share]) -> None:
        """Make a slot of each share; all other slots end once they have no jobs left."""
        wanted = {share.name: share.accelerator for share in shares}
        for name, accelerator in wanted.items():
            self._known(name).prepare(accelerator)
        for slot in self.all():
            if slot.name not in wanted:
                slot.stop()

    def get(self, name: str) -> Slot | None:
        """The slot of that name, if there is one."""
        if name in self._slots:
            return self._slots[name]
        is_slot = name != SETUP and (self.home / name / "queue").is_dir()
        return self._known(name) if is_slot else None

    def all(self) -> list[Slot]:
        """All slots but that of the set-up, by name."""
        try:
            names = sorted(os.listdir(self.home))  # noqa: PTH208 - names only, five times a second
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackendError(f"local: {self.home} cannot be read: {error.strerror}") from error
        return [slot for name in names if (slot := self.get(name))]

    def states(self) -> list[JobState]:
        """All jobs of all slots."""
        return [state for slot in self.all() for state in slot.states()]

    def revive(self) -> Mapping[str, str]:
        """Start a supervisor where work waits without one; what went wrong, by slot."""
        troubles: dict[str, str] = {}
        for slot in self.all():
            try:
                slot.revive()
            except BackendError as error:
                troubles[slot.name] = str(error)
        return troubles

    def stop(self) -> None:
        """End the set-up and every supervisor, those with jobs once these have ended."""
        self.setup.abandon()
        slots = self.all()
        for slot in slots:
            slot.stop()
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and (
            self.setup.is_served()
            or any(slot.is_served() and not slot.has_work() for slot in slots)
        ):
            time.sleep(0.02)

    def _known(self, name: str) -> Slot:
        return self._slots.setdefault(name, Slot(name, self.home / name, self._idle_seconds))
