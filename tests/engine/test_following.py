"""The output of a run, followed by one engine after the other."""

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autoresearch_tui.domain import Reading, Run, RunStatus
from autoresearch_tui.engine.following import Follower

RUN = Run("e0002-r1", "e0002", 1, RunStatus.RUNNING, 1, 0.0)
OUTPUT = (
    "autoresearch-sha256: " + "a" * 64 + " train.py\n"
    "autoresearch-tree: before " + "b" * 64 + "\n"
    "compiling ü…\r\n"
    + "".join(f"step {n:05} ({5 * n:.1f}%) | loss: {3 - n / 10:.4f}\r" for n in range(20))
    + "\nTraceback\nRuntimeError: almost\n---\nval_bpb: 0.9979\nnum_steps: 20\n"
    "autoresearch-tree: after " + "c" * 64 + "\nlast words"
).encode()


async def chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def broken(data: bytes, size: int) -> AsyncIterator[bytes]:
    async for chunk in chunks(data, size):
        yield chunk
    raise ConnectionError


def known(follower: Follower, path: Path) -> tuple[object, ...]:
    curve = [(p.step, p.fraction, p.loss) for p in follower.curve]
    return follower.summary, curve, path.read_bytes()


def at_once(tmp_path: Path, limit: int = 10_000) -> Follower:
    return Follower(RUN, "val_bpb", tmp_path / "whole", limit, lambda: 7.0)


@pytest.mark.parametrize("limit", [10_000, 200])
async def test_nothing_is_lost_or_told_twice_wherever_an_engine_dies(tmp_path: Path, limit: int):
    whole = at_once(tmp_path, limit)
    await whole.follow(chunks(OUTPUT, 64))
    expected = known(whole, tmp_path / "whole")
    assert whole.summary.metrics == {"val_bpb": 0.9979, "num_steps": 20.0}
    for cut in range(0, len(OUTPUT), 3):
        path = tmp_path / f"{cut}"
        first = Follower(RUN, "val_bpb", path, limit, lambda: 7.0)
        with pytest.raises(ConnectionError):
            await first.follow(broken(OUTPUT[:cut], 50))
        news = first.news()
        # What came after the last transaction is in the file, and in no table.
        with path.open("ab") as file:
            file.write(b"half a li")
        reading = news.reading
        if reading is not None:
            assert json.loads(json.dumps(reading.state)) == reading.state
        second = Follower(RUN, "val_bpb", path, limit, lambda: 7.0, reading, news.curve)
        assert second.offset <= cut
        await second.follow(chunks(OUTPUT[second.offset :], 50))
        assert known(second, path) == expected


async def test_another_attempt_or_a_log_that_is_gone_begins_anew(tmp_path: Path):
    path = tmp_path / "log"
    first = Follower(RUN, "val_bpb", path, 10_000, lambda: 7.0)
    await first.follow(chunks(OUTPUT, 64))
    reading = first.news().reading
    assert reading is not None
    assert reading.offset == len(OUTPUT)
    again = Run("e0002-r1", "e0002", 1, RunStatus.RUNNING, 1, 0.0, attempt=2)
    for run, size in ((again, reading.written), (RUN, reading.written - 1)):
        path.write_bytes(b"x" * size)
        follower = Follower(run, "val_bpb", path, 10_000, lambda: 7.0, reading)
        assert (follower.offset, follower.summary.metrics) == (0, {})
        await follower.follow(chunks(OUTPUT, 64))
        assert known(follower, path) == known(first, path)


def test_what_another_version_knew_is_read_again(tmp_path: Path):
    (tmp_path / "whole").write_bytes(b"x" * 99)
    reading = Reading(RUN.id, RUN.job, 50, 40, {"summary": {"reasons": {}, "else": 1}, "marks": {}})
    follower = Follower(RUN, "val_bpb", tmp_path / "whole", 10_000, lambda: 7.0, reading)
    assert follower.offset == 0


async def test_only_what_is_new_is_news(tmp_path: Path):
    follower = at_once(tmp_path)
    assert follower.news() == follower.news()
    await follower.follow(chunks(OUTPUT, 64))
    news = follower.news()
    assert news.progress is not None
    assert news.progress.step == 19
    assert [p.time for p in news.curve] == list(itertools.repeat(7.0, 20))
    later = follower.news()
    assert (later.progress, later.curve, later.reading) == (None, (), None)
