"""SkyPilot in a process of its own: its package takes 160 MB, and seconds to be imported.

That process ends with the one that asks it, and is started anew when it is found dead.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, cast

from autoresearch_tui.backends.skypilot.sdk import Sdk, SkyError, SkyPilot, Trouble


def apart(kind: Callable[[], SkyPilot] = Sdk) -> SkyPilot:
    """An object of the class `kind` in a process of its own, which is started at the first call."""
    return cast(SkyPilot, _Apart(f"{kind.__module__}:{kind.__qualname__}"))


class _Apart:
    """Stands for the object: each of its methods is executed there, in a thread of its own."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._child: _Child | None = None
        self._turn = threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: object, **kwargs: object) -> Any:
            with self._turn:
                if self._child is None or self._child.is_over:
                    self._child = _Child(self._kind)
                outcome = self._child.ask(name, args, kwargs)
            return outcome.result()

        return call


class _Child:
    """The process, and what it has been asked and not answered."""

    def __init__(self, kind: str) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-m", __name__, str(theirs.fileno()), kind]
            # Not ended by a Ctrl-C that is meant for us, which may want to take clusters down.
            self._process = subprocess.Popen(
                words, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._connection = Connection(ours.detach())
        self._asked: dict[int, Future[Any]] = {}
        self._number = 0
        self.is_over = False
        threading.Thread(target=self._read, name="skypilot-answers", daemon=True).start()

    def ask(self, name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> Future[Any]:
        """Have a method executed; its outcome, to come."""
        outcome: Future[Any] = Future()
        self._number += 1
        self._asked[self._number] = outcome
        try:
            self._connection.send((self._number, name, args, kwargs))
        except OSError:
            self._end()
        return outcome

    def _read(self) -> None:
        # One that is killed ends the connection, in the middle of an answer or not.
        with contextlib.suppress(EOFError, OSError):
            while True:
                number, result, error = self._connection.recv()
                outcome = self._asked.pop(number)
                if error is None:
                    outcome.set_result(result)
                else:
                    outcome.set_exception(error)
        self._end()
        self._process.wait()

    def _end(self) -> None:
        self.is_over = True
        words = "the process that talks to SkyPilot has ended; it is started again"
        for number in list(self._asked):
            if outcome := self._asked.pop(number, None):
                outcome.set_exception(SkyError(Trouble.UNREACHABLE, words))


def _serve(connection: Connection, sky: SkyPilot) -> None:
    """Execute what is asked until nobody asks any more."""
    turn = threading.Lock()

    def execute(number: int, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        result, error = None, None
        try:
            result = getattr(sky, name)(*args, **kwargs)
        except SkyError as known:
            error = known
        except Exception as unknown:  # noqa: BLE001 - it is raised where it is awaited
            error = RuntimeError(f"{type(unknown).__name__}: {unknown}")
        with turn, contextlib.suppress(OSError):
            connection.send((number, result, error))

    with contextlib.suppress(EOFError, OSError):
        while True:
            asked = connection.recv()
            threading.Thread(target=execute, args=asked, daemon=True).start()
    # Calls under way are nobody's any more; the API server finishes what it has taken.
    os._exit(0)


if __name__ == "__main__":
    module, _, qualified = sys.argv[2].partition(":")
    _serve(Connection(int(sys.argv[1])), getattr(import_module(module), qualified)())
