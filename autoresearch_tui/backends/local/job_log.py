"""Follows the output of a job on this machine while it grows."""

import asyncio
import os
from collections.abc import AsyncIterator

from autoresearch_tui.backends.local.slot_client import Slot
from autoresearch_tui.errors import BackendError

CHUNK = 65536
_POLL_SECONDS = 0.1


async def follow(slot: Slot, name: str, offset: int) -> AsyncIterator[bytes]:
    """Yield the output of the job `name` from byte `offset` until it has ended and all is read.

    Raises:
        BackendError: the slot does not know the job, or the output cannot be read.
    """
    if await asyncio.to_thread(slot.find, name) is None:
        raise BackendError(f"{slot.name}: no job {name}")
    fd = await _open_log(slot, name)
    if fd is None:
        return
    job = slot.files.job(name)
    try:
        while True:
            # Asked before the read: nothing is written after the end is recorded.
            over = job.has_ended() or not job.root.exists()
            # Looked at here and read elsewhere: a stat never waits for the disk, a read may.
            while offset < os.fstat(fd).st_size:
                with slot.refusals(f"the output of {name} cannot be read"):
                    data = await asyncio.to_thread(os.pread, fd, CHUNK, offset)
                offset += len(data)
                yield data
            if over:
                return
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        os.close(fd)


async def _open_log(slot: Slot, name: str) -> int | None:
    """The job's output once it has started; None when it ended, or left the queue, without any."""
    job = slot.files.job(name)
    while True:
        over = job.has_ended() or slot.find(name) is None
        with slot.refusals(f"the output of {name} cannot be read"):
            try:
                return os.open(job.log, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                if over:
                    return None
        await asyncio.sleep(_POLL_SECONDS)
