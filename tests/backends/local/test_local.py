"""Slots of this machine: real supervisors, real bash, real signals."""

import asyncio
import itertools
import os
import signal
from pathlib import Path

import pytest

from autoresearch_tui.backends.base import JobStatus
from autoresearch_tui.backends.local.slot_client import Slot
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import BackendError
from tests.backends.conftest import (
    Study,
    ended,
    exists,
    job_state,
    jobs,
    output,
    processes_of,
    running,
    until,
)


async def test_jobs_run_one_after_the_other_in_order(study: Study):
    backend = await study.backend()
    record = study.root / "order"
    for number in range(4):
        script = f"echo {number} >> {record}"
        await backend.submit("cpu-01", study.job(f"j{number}", script))
    states = await ended(backend, "j0", "j1", "j2", "j3")
    assert record.read_text().split() == ["0", "1", "2", "3"]
    assert all(state.status is JobStatus.SUCCEEDED for state in states)
    spans = [(s.started_at or 0.0, s.ended_at or 0.0) for s in states]
    assert all(before[1] <= after[0] + 0.01 for before, after in itertools.pairwise(spans))


async def test_a_job_has_its_files_its_variables_and_a_place_of_its_own(study: Study):
    backend = await study.backend()
    job = study.job("j", "cat given; echo $WHO; pwd; exit 3", envs={"WHO": "me"})
    (job.workdir / "given").write_text("a file\n")
    await backend.submit("cpu-01", job)
    (state,) = await ended(backend, "j")
    assert (state.status, state.exit_code) == (JobStatus.FAILED, 3)
    printed = (await output(backend, "cpu-01", "j")).decode().splitlines()
    assert printed[:2] == ["a file", "me"]
    assert printed[2].startswith(str(study.paths.local))


async def test_the_same_name_is_submitted_once(study: Study):
    backend = await study.backend()
    record = study.root / "times"
    for _ in range(3):
        await backend.submit("cpu-01", study.job("j", f"echo x >> {record}"))
    await ended(backend, "j")
    assert record.read_text() == "x\n"


async def test_a_job_that_hangs_is_ended_with_all_its_children(study: Study):
    backend = await study.backend()
    await backend.submit("cpu-01", study.job("j", "sleep 987 & sleep 986", time_limit=0.5))
    (state,) = await ended(backend, "j")
    assert state.status is JobStatus.TIMED_OUT
    assert "time limit" in state.why
    assert not [c for c in processes_of(study.root).values() if "sleep 98" in c]


async def test_cancel_ends_a_job_that_ignores_sigterm(study: Study):
    backend = await study.backend()
    mark = study.root / "began"
    script = f"trap '' TERM; touch {mark}; while :; do sleep 0.1; done"
    await backend.submit("cpu-01", study.job("j", script))
    await exists(backend, mark)
    await backend.cancel("cpu-01", "j")
    (state,) = await ended(backend, "j")
    assert state.status is JobStatus.CANCELLED


async def test_withdraw_takes_only_what_has_not_started(study: Study):
    backend = await study.backend()
    await backend.submit("cpu-01", study.job("first", "sleep 60"))
    await running(backend, "first")
    await backend.submit("cpu-01", study.job("second", "true"))
    assert await backend.withdraw("cpu-01", "second")
    assert not await backend.withdraw("cpu-01", "first")
    assert await job_state(backend, "second") is None


async def test_jobs_outlive_the_engine_and_are_found_again(study: Study):
    first = await study.backend()
    gate = study.root / "gate"
    script = f"echo begun; until [ -e {gate} ]; do sleep 0.05; done; echo done"
    await first.submit("cpu-01", study.job("j", script))
    await running(first, "j")
    await first.close()
    second = await study.backend()
    assert (await running(second, "j")).name == "j"
    await asyncio.to_thread(gate.touch)
    await ended(second, "j")
    assert await output(second, "cpu-01", "j") == b"begun\ndone\n"
    assert await output(second, "cpu-01", "j", offset=6) == b"done\n"


async def test_a_killed_supervisor_is_replaced_and_the_queue_goes_on(study: Study):
    backend = await study.backend()
    await backend.submit("cpu-01", study.job("first", "sleep 60"))
    await running(backend, "first")
    await backend.submit("cpu-01", study.job("second", "echo second"))
    os.kill(study.supervisor("cpu-01"), signal.SIGKILL)
    await backend.cancel("cpu-01", "first")
    (state,) = await ended(backend, "second")
    assert state.status is JobStatus.SUCCEEDED


async def test_setup_runs_once_for_a_commit(study: Study):
    record = study.root / "setups"
    script = f"echo x >> {record}"

    async def up(commit: str) -> None:
        backend = await study.backend(setup=script, commit=commit)

        async def is_up() -> bool:
            return (await backend.clusters())[0].status is ClusterStatus.UP

        await until(backend, is_up)
        await backend.close()

    await up("a")
    await up("a")
    assert record.read_text() == "x\n"
    await up("b")
    assert record.read_text() == "x\nx\n"


async def test_a_set_up_that_fails_once_is_tried_again(study: Study):
    mark = study.root / "tried"
    script = f"[ -e {mark} ] || {{ touch {mark}; echo no net; exit 4; }}"
    backend = await study.backend(setup=script)
    notes: list[str] = []

    async def is_up() -> bool:
        cluster = (await backend.clusters())[0]
        notes.append(cluster.note)
        return cluster.status is ClusterStatus.UP

    await until(backend, is_up)
    assert any("exit code 4" in note and "no net" in note for note in notes)


async def test_a_job_claimed_while_it_is_looked_for_is_found(
    study: Study, monkeypatch: pytest.MonkeyPatch
):
    slot = Slot("cpu-09", study.root / "cpu-09", 60.0)
    slot.prepare("CPU")
    entry = slot.files.queue / "0000000001-j"
    entry.mkdir()
    (entry / "job.json").write_text('{"submitted_at": 1.0}')

    def claimed() -> list[str]:
        # The supervisor takes it just after this look.
        entry.rename(slot.files.jobs / "j")
        return []

    monkeypatch.setattr(slot.files, "claimed", claimed)
    assert [(state.name, state.status) for state in slot.states()] == [("j", JobStatus.QUEUED)]


async def test_an_unknown_slot_is_refused(study: Study):
    backend = await study.backend()
    with pytest.raises(BackendError, match="no such slot"):
        await backend.submit("gpu-77", study.job("j", "true"))


async def test_forget_removes_an_ended_job(study: Study, tmp_path: Path):
    backend = await study.backend()
    await backend.submit("cpu-01", study.job("j", "true"))
    await ended(backend, "j")
    await backend.forget("cpu-01", "j")
    assert await jobs(backend) == []


async def test_slots_run_beside_each_other(study: Study):
    backend = await study.backend(slots=2)
    names = [cluster.name for cluster in await backend.clusters()]
    assert names == ["cpu-01", "cpu-02"]
    mine, other = study.root / "a", study.root / "b"
    wait = "touch {}; until [ -e {} ]; do sleep 0.05; done"
    await backend.submit("cpu-01", study.job("one", wait.format(mine, other)))
    await backend.submit("cpu-02", study.job("two", wait.format(other, mine)))
    states = await ended(backend, "one", "two")
    assert all(state.status is JobStatus.SUCCEEDED for state in states)
