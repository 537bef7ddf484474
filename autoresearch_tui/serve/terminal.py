"""A program of ours in a pseudo-terminal of its own, whose bytes go to and fro."""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Mapping, Sequence

_CHUNK = 65536
_GRACE_SECONDS = 5.0


class PseudoTerminal:
    """One program and its terminal; it is gone when the other side hangs up."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self._master = master
        self._process = process
        self._readable = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(master, self._readable.set)

    @classmethod
    async def start(
        cls, command: Sequence[str], env: Mapping[str, str], size: tuple[int, int]
    ) -> "PseudoTerminal":
        """Start a program in a terminal of `size`, columns and lines."""
        master, slave = os.openpty()
        try:
            _resize(master, size)
            os.set_blocking(master, False)
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=dict(env),
                start_new_session=True,
                preexec_fn=_take_terminal,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(master, process)

    def resize(self, size: tuple[int, int]) -> None:
        """Tell the program that the terminal has another size."""
        with contextlib.suppress(OSError):
            _resize(self._master, size)

    async def write(self, data: bytes) -> None:
        """What the other side types; a program that does not read holds it up."""
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.01)
            except OSError:
                return

    async def read(self) -> bytes:
        """What the program draws; empty once it has ended."""
        while True:
            await self._readable.wait()
            try:
                return os.read(self._master, _CHUNK)
            except BlockingIOError:
                self._readable.clear()
            except OSError:
                # Linux says so when nobody has the terminal open any more.
                return b""

    def hang_up(self) -> None:
        """Tell the program that nobody is there any more; it ends, and reading with it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGHUP)

    async def exit_code(self) -> int:
        """How the program ended."""
        return await self._process.wait()

    async def close(self) -> None:
        """Hang up, and see to it that the program ends."""
        self._loop.remove_reader(self._master)
        os.close(self._master)
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def _resize(master: int, size: tuple[int, int]) -> None:
    columns, lines = size
    packed = struct.pack("HHHH", max(lines, 1), max(columns, 1), 0, 0)
    fcntl.ioctl(master, termios.TIOCSWINSZ, packed)


def _take_terminal() -> None:
    # A hang-up reaches a session through its controlling terminal alone.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
