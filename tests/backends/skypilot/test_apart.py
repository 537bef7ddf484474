"""A process of its own for SkyPilot: what it answers, and what happens when one of the two dies."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autoresearch_tui.backends.skypilot.apart import apart
from autoresearch_tui.backends.skypilot.sdk import SkyError, Trouble
from tests.backends.few_calls import FewCalls
from tests.studies import until


def test_calls_are_answered_from_another_process():
    sky = apart(FewCalls)  # type: ignore[arg-type]
    (record,) = sky.status(["a"], refresh=True)
    assert (record.name, record.status) == ("a", "UP")
    assert record.node != str(os.getpid())
    with pytest.raises(SkyError, match="no H100 anywhere") as caught:
        sky.wait("none")
    assert caught.value.trouble is Trouble.CAPACITY
    with pytest.raises(RuntimeError, match="KeyError: 'x'"):
        sky.wait("x")


def test_calls_wait_beside_each_other():
    sky = apart(FewCalls)  # type: ignore[arg-type]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(sky.wait, ["meet"] * 3)) == [None] * 3


def test_a_process_that_dies_is_started_again():
    sky = apart(FewCalls)  # type: ignore[arg-type]
    first = sky.status(["a"])[0].node
    with pytest.raises(SkyError) as caught:
        sky.wait("dies")
    assert caught.value.trouble is Trouble.UNREACHABLE
    assert sky.status(["a"])[0].node != first


def test_it_ends_with_who_asks_it():
    program = (
        "import os, signal\n"
        "from autoresearch_tui.backends.skypilot.apart import apart\n"
        "from tests.backends.few_calls import FewCalls\n"
        "print(apart(FewCalls).status(['a'])[0].node, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    pid = int(done.stdout)
    until(lambda: not is_alive(pid), "its end")


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
