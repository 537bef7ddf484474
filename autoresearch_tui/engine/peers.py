"""Who is at the other end of the engine's socket: the server decides, not what it is told."""

import os
import pwd
import socket
import struct
import sys
from pathlib import Path

from autoresearch_tui.errors import ControlError

_SLOT = b"autoresearch_tui.backends."
"""Stands in the command line of the processes under which every run of this machine lives, those
of earlier versions too."""

_CREDENTIALS = struct.Struct("3i")


def actor_of(peer: socket.socket) -> str:
    """Name of the one who asks, for the study's record.

    Raises:
        ControlError: it is a run of this machine, which has nothing to ask for, or a stranger.
    """
    if sys.platform != "linux":
        return "operator"
    data = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(data)
    if _descends_from_a_slot(pid):
        raise ControlError("a run may not command the engine that judges it")
    if uid == os.getuid():
        return "operator"
    if uid != 0:
        raise ControlError("only the engine's own user may command it")
    return pwd.getpwuid(uid).pw_name


def _descends_from_a_slot(pid: int) -> bool:
    if pid == 0:
        # A process of another namespace, such as a confined run has; where it comes from is unseen.
        return True
    while pid > 1:
        try:
            if _SLOT in Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
            # The name before it may hold anything, parentheses included.
            stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            # It has gone already, so nobody waits for the answer.
            return True
        pid = int(stat[1])
    return False
