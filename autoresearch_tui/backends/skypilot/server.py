"""SkyPilot's API server on this machine: what a dead one leaves behind, and how that is ended.

psutil comes with SkyPilot, and is asked for only here.
"""

import contextlib
import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

QUEUE_PORT = 50011
"""On which the server's processes talk to each other; where it is taken, none starts."""

_SERVER = "sky.server.server"
_WORKER = "SkyPilot:executor:"


def orphans() -> Sequence[Any]:
    """Processes of this user, as psutil has them, that a dead server has left; they keep its port.

    None where a server lives, or psutil is not installed.
    """
    try:
        psutil = import_module("psutil")
    except ImportError:
        return ()
    ours: list[Any] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == os.getuid():
                ours.append(process)
    found: list[Any] = []
    for process in ours:
        with contextlib.suppress(psutil.Error):
            title = " ".join(process.cmdline())
            if _SERVER in title:
                return ()
            if process.ppid() == 1 and (title.startswith(_WORKER) or _listens(process)):
                found.append(process)
    return found


def _listens(process: Any) -> bool:
    psutil = import_module("psutil")
    return any(
        each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == QUEUE_PORT
        for each in process.net_connections("tcp")
    )


def end_orphans() -> int:
    """End what a dead server has left, and how many processes that were."""
    found = orphans()
    if not found:
        return 0
    psutil = import_module("psutil")
    ended: list[Any] = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            for each in (*process.children(recursive=True), process):
                each.kill()
                ended.append(each)
    psutil.wait_procs(ended, timeout=10)
    return len(ended)
