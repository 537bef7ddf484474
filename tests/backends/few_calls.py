"""A few of SkyPilot's calls, for a process of its own."""

import os
import signal
import threading

from autoresearch_tui.backends.skypilot.sdk import Record, SkyError, Trouble


class FewCalls:
    """`wait` meets two others, fails or dies, as its request says."""

    def __init__(self) -> None:
        self.met = threading.Barrier(3, timeout=20)

    def status(self, names: list[str], *, refresh: bool = False) -> list[Record]:
        return [Record(name, "UP" if refresh else "INIT", node=str(os.getpid())) for name in names]

    def wait(self, request: str) -> None:
        if request == "meet":
            self.met.wait()
        elif request == "none":
            raise SkyError(Trouble.CAPACITY, "no H100 anywhere")
        elif request == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise KeyError(request)
