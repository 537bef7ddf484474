"""Clusters of an imitated SkyPilot, and what goes wrong with them."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_tui.backends.base import Job, JobState, JobStatus, Look
from autoresearch_tui.backends.skypilot import attending as attending_module
from autoresearch_tui.backends.skypilot import backend as backend_module
from autoresearch_tui.backends.skypilot import blind as blind_module
from autoresearch_tui.backends.skypilot import face as face_module
from autoresearch_tui.backends.skypilot import link as link_module
from autoresearch_tui.backends.skypilot import script as script_module
from autoresearch_tui.backends.skypilot import submitting as submitting_module
from autoresearch_tui.backends.skypilot.backend import SkyPilotBackend
from autoresearch_tui.backends.skypilot.link import NoWayError
from autoresearch_tui.backends.skypilot.plan import Plan
from autoresearch_tui.backends.skypilot.registry import Launched, Registry
from autoresearch_tui.backends.skypilot.sdk import Record, SkyError, Trouble
from autoresearch_tui.backends.task import Task
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import BackendError, RefusedError
from autoresearch_tui.paths import StudyPaths
from tests.backends.conftest import processes_of
from tests.backends.imitation import Allocation, Imitation

S = ClusterStatus


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_module, "_PAUSES", (0.05,))
    monkeypatch.setattr(attending_module, "_RECONNECTS", (0.05,))
    monkeypatch.setattr(attending_module, "_HICCUP_SECONDS", 0.05)


class Bench:
    """A study's backend on an imitated SkyPilot, and all that it has said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sky = Imitation(root)
        self.registry = Registry(root / "registry")
        self.seen: dict[str, list[tuple[ClusterStatus, str]]] = {}
        self.looks: dict[str, Look] = {}
        self.setup = "echo prepared"
        self.wanted: dict[str, object] = {"clusters": [{"accelerator": "H100:1"}]}
        self.prices: dict[str, float] = {}
        self.backend: SkyPilotBackend
        self.watching: asyncio.Task[None]
        self._setups = 0

    async def setup_dir(self) -> Path:
        self._setups += 1
        path = self.root / f"setup-{self._setups}"
        path.mkdir()
        return path

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[SkyPilotBackend]:
        wanted = {"pilot": "never"} | self.wanted
        settings = {"skypilot": wanted, "prices": {"accelerator_hour": self.prices}}
        task = Task(self.root / "experiment.yaml", "true", self.setup, {}, {})
        self.backend = SkyPilotBackend(
            StudyPaths(self.root / "study"),
            Settings.model_validate(settings),
            task,
            self.setup_dir,
            sky=self.sky,
            reach=self.sky.reach,
            registry=self.registry,
        )
        self.seen.clear()
        self.looks.clear()
        await self.backend.start()
        self.watching = asyncio.create_task(self._watch())
        try:
            yield self.backend
        finally:
            self.watching.cancel()
            await asyncio.gather(self.watching, return_exceptions=True)
            await self.backend.close()

    async def _watch(self) -> None:
        async for looks in self.backend.watch():
            for look in looks:
                self.looks[look.cluster.name] = look
                said = self.seen.setdefault(look.cluster.name, [])
                now = (look.cluster.status, look.cluster.note)
                if not said or said[-1] != now:
                    said.append(now)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not holds():  # noqa: ASYNC110 - what is waited for is anything
                await asyncio.sleep(0.01)

    async def until_status(self, status: ClusterStatus, name: str = "study-01") -> None:
        await self.until(lambda: any(its is status for its, _ in self.seen.get(name, ())[-1:]))

    def note(self, name: str) -> str:
        """What was last said of a cluster."""
        said = self.seen.get(name, ())
        return said[-1][1] if said else ""

    def job(self, name: str, script: str, *, files: str = "", limit: float = 60.0) -> Job:
        workdir = self.root / "incoming" / name
        workdir.mkdir(parents=True)
        (workdir / "train.py").write_text(files)
        return Job(name, workdir, script, {}, limit, 2_000_000)

    async def ended(self, name: str, cluster: str = "study-01") -> JobState:
        def found() -> JobState | None:
            look = self.looks.get(cluster)
            jobs = look.jobs if look is not None else None
            return next((j for j in jobs or () if j.name == name and j.status.is_final), None)

        await self.until(found)
        job = found()
        assert job is not None
        return job

    async def output(self, name: str) -> str:
        chunks = [chunk async for chunk in self.backend.log("study-01", name, 0)]
        return b"".join(chunks).decode()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.sky.close()


async def test_each_queued_job_runs_its_own_files(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        for name in ("a", "b", "c"):
            script = "sleep 0.3; cat train.py; ls ..; echo"
            await backend.submit("study-01", bench.job(name, script, files=f"this is {name};"))
        for name in ("a", "b", "c"):
            await bench.ended(name)
            assert (await bench.output(name)).startswith(f"this is {name};")
        await backend.forget("study-01", "a")
        await bench.until(lambda: "a" not in {j.name for j in bench.looks["study-01"].jobs or ()})
        left = bench.sky.home("study-01") / "sky_workdir" / "runs"
        assert {entry.name[0] for entry in left.iterdir()} == {"b", "c"}


async def test_accelerators_say_how_they_are(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    program = bench.root / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 97, 45060, 81559, 63, 650.10\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    async with bench.running():
        await bench.until(
            lambda: bench.looks and bench.looks["study-01"].telemetry == "97 % 44/80 GB 63 °C 650 W"
        )


async def test_a_job_beyond_its_limit_keeps_what_it_has_said(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "echo so far; sleep 60", limit=1.0))
        job = await bench.ended("a")
        assert (job.status, job.exit_code) == (JobStatus.TIMED_OUT, None)
        assert await bench.output("a") == "so far\n"


async def test_a_job_that_prints_without_end_is_stopped(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "yes"))
        job = await bench.ended("a")
        assert (job.status, job.why) == (JobStatus.FAILED, "printed more than 2 MB")
        assert len(await bench.output("a")) == 2_000_000


async def test_what_a_job_leaves_behind_does_not_hold_its_cluster(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        script = "setsid sleep 300 & echo $! > ~/left; echo said"
        await backend.submit("study-01", bench.job("a", script))
        assert (await bench.ended("a")).status is JobStatus.SUCCEEDED
        assert await bench.output("a") == "said\n"
        os.kill(int((bench.sky.home("study-01") / "left").read_text()), signal.SIGKILL)


async def test_a_cluster_without_room_loses_jobs_and_is_not_their_crash(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        (state,) = (bench.sky.home("study-01") / ".autoresearch").iterdir()
        (state / "jobs").rename(state / "gone") if (state / "jobs").exists() else None
        (state / "jobs").write_text("in its way")
        await backend.submit("study-01", bench.job("a", "echo never"))
        job = await bench.ended("a")
        assert (job.status, job.why) == (JobStatus.LOST, "its cluster has no room for its files")


async def test_up_is_no_proof_of_a_set_up(bench: Bench):
    """An API server that was killed during the launch leaves a cluster that says it is well."""
    async with bench.running():
        await bench.until_status(S.UP)
    (state,) = (bench.sky.home("study-01") / ".autoresearch").iterdir()
    (mark,) = (state / "ready").iterdir()
    mark.unlink()
    launches = len(bench.sky.launches)
    async with bench.running():
        await bench.until_status(S.UP)
        assert len(bench.sky.launches) == launches + 1
        assert mark.exists()


async def test_a_set_up_that_has_been_proved_is_not_run_again(bench: Bench):
    for _ in range(2):
        async with bench.running():
            await bench.until_status(S.UP)
    assert bench.sky.launches == ["study-01"]
    bench.setup = "echo another"
    async with bench.running():
        await bench.until_status(S.UP)
        await bench.until(lambda: len(bench.sky.launches) == 2)


async def test_a_failed_set_up_shows_its_last_line_and_is_not_tried_for_ever(bench: Bench):
    bench.setup = "echo one; echo there is no such package; exit 1"
    async with bench.running() as backend:
        await bench.until_status(S.FAILED)
        assert "there is no such package" in bench.note("study-01")
        assert len(bench.sky.launches) == 3
        log = StudyPaths(bench.root / "study").setup_log("study-01")
        assert log.read_text() == "one\nthere is no such package\n"
        await backend.wake("study-01")
        await bench.until(lambda: len(bench.sky.launches) > 3)


async def test_a_set_up_that_hangs_is_ended(bench: Bench):
    bench.setup = "echo waiting for a mirror; sleep 600"
    bench.wanted["setup_minutes"] = 0.005
    async with bench.running():
        await bench.until_status(S.FAILED)
        assert "stopped after" in bench.note("study-01")
        assert "(CANCELLED)" in bench.note("study-01")


async def test_no_capacity_is_waited_for_and_costs_nothing(bench: Bench):
    bench.prices = {"H100": 3.0}
    bench.sky.failures["study-01"] = SkyError(Trouble.CAPACITY, "0/4 nodes have H100")
    async with bench.running():
        await bench.until(lambda: len(bench.sky.launches) >= 3)
        look = bench.looks["study-01"].cluster
        assert look.status is S.PROVISIONING
        await bench.until(lambda: "0/4 nodes" in bench.note("study-01"))
        assert bench.looks["study-01"].cluster.price == 0.0
        del bench.sky.failures["study-01"]
        await bench.until_status(S.UP)
        assert bench.looks["study-01"].cluster.price == 3.0


async def test_what_nobody_offers_is_asked_for_once(bench: Bench):
    words = "No cloud offers H1000:1"
    bench.sky.failures["study-01"] = SkyError(Trouble.IMPOSSIBLE, words)
    async with bench.running():
        await bench.until_status(S.FAILED)
        assert bench.note("study-01") == words
        assert bench.sky.launches == ["study-01"]


async def test_a_cluster_of_that_name_that_is_not_ours_is_left_alone(bench: Bench):
    bench.sky.allocations["study-01"] = Allocation(bench.sky.home("study-01"), "H100", 1)
    async with bench.running():
        await bench.until_status(S.FAILED)
        assert "--use study-01" in bench.note("study-01")
    bench.registry.put(Launched("study-01", "/elsewhere", "other", 0.0))
    async with bench.running() as backend:
        await bench.until(lambda: "/elsewhere" in bench.note("study-01"))
        # Not at the end either.
        await backend.release()
    assert bench.sky.launches == []
    assert "study-01" in bench.sky.allocations
    assert [each.uid for each in bench.registry.all()] == ["other"]


async def test_an_end_does_not_wait_for_a_server_that_is_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    def gone(call: str) -> None:
        raise SkyError(Trouble.UNREACHABLE, "the server is gone")

    monkeypatch.setattr(backend_module, "_RELEASE_SECONDS", 0.2)
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        bench.sky.before = gone
        await backend.release()
        assert "cannot be taken down yet" in bench.backend._clusters["study-01"].face.note
        assert [each.name for each in bench.registry.all()] == ["study-01"]
        bench.sky.before = lambda call: None


async def test_an_end_in_the_middle_of_a_loss_is_an_end(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        bench.watching.cancel()
        bench.sky.lose("study-01")
        await bench.until(lambda: backend._clusters["study-01"]._unseen)
        async with asyncio.timeout(5):
            await backend.release()
        assert bench.sky.allocations == {}


async def test_an_adopted_cluster_is_set_up_and_never_given_up(bench: Bench):
    bench.sky.allocations["theirs"] = Allocation(bench.sky.home("theirs"), "A100", 1)
    bench.wanted = {"use": ["theirs"]}
    async with bench.running() as backend:
        await bench.until_status(S.UP, "theirs")
        assert bench.looks["theirs"].cluster.accelerator == "A100"
        with pytest.raises(BackendError, match="never stops it"):
            await backend.drain("theirs")
        await backend.release()
        assert "theirs" in bench.sky.allocations
        assert bench.registry.all() == []


async def test_an_adopted_cluster_that_is_not_there_is_not_launched(bench: Bench):
    bench.wanted = {"use": ["theirs"]}
    async with bench.running():
        await bench.until_status(S.FAILED, "theirs")
        assert "sky start theirs" in bench.note("theirs")
    assert bench.sky.launches == []


async def test_a_lost_allocation_is_seen_and_comes_again(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "sleep 60"))
        await bench.until(lambda: bench.looks["study-01"].jobs)
        bench.sky.lose("study-01")
        await bench.until(lambda: S.GONE in [its for its, _ in bench.seen["study-01"]])
        await bench.until_status(S.UP)
        # Its job table outlives the allocation; what it says of then does not hold.
        assert (await bench.ended("a")).status is JobStatus.LOST
        await backend.submit("study-01", bench.job("b", "echo again"))
        assert (await bench.ended("b")).status is JobStatus.SUCCEEDED


async def test_a_connection_that_breaks_off_loses_nothing(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        script = "for i in 1 2 3 4 5; do echo $i; sleep 0.2; done"
        await backend.submit("study-01", bench.job("a", script))
        read = b""
        broken = 0
        while True:
            try:
                async for chunk in backend.log("study-01", "a", len(read)):
                    read += chunk
                    if not broken:
                        broken += 1
                        bench.sky.break_off("study-01")
                break
            except BackendError:
                await asyncio.sleep(0.02)
        assert broken
        assert read == b"1\n2\n3\n4\n5\n"
        assert S.GONE not in [its for its, _ in bench.seen["study-01"]]


async def test_where_ssh_is_closed_skypilot_is_asked_instead(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blind_module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(blind_module, "_BEAT_SECONDS", 0.05)
    bench.sky.ssh_is_closed = True
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        assert "SSH is closed" in bench.note("study-01")
        await backend.submit("study-01", bench.job("a", "echo one; sleep 0.5; echo two"))
        await backend.submit("study-01", bench.job("b", "exit 3"))
        await backend.submit("study-01", bench.job("c", "sleep 60"))
        assert await bench.output("a") == "one\ntwo\n"
        assert (await bench.ended("a")).status is JobStatus.SUCCEEDED
        assert (await bench.ended("b")).status is JobStatus.FAILED
        # It cannot be said to a queue that a job may not run; ending it is another thing.
        assert not await backend.withdraw("study-01", "c")
        await backend.cancel("study-01", "c")
        assert (await bench.ended("c")).status is JobStatus.CANCELLED
        await backend.forget("study-01", "a")
        await bench.until(lambda: "a" not in {j.name for j in bench.looks["study-01"].jobs or ()})


async def test_what_was_taken_and_is_not_seen_yet_is_not_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blind_module, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(link_module, "_ARRIVAL_SECONDS", 0.1)
    bench.sky.ssh_is_closed = True
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await bench.until(lambda: bench.looks["study-01"].jobs is not None)
        queue, shown = bench.sky.queue, [False]
        bench.sky.queue = lambda cluster: queue(cluster) if shown[0] else queue(cluster)[:1]  # type: ignore[method-assign]
        await backend.submit("study-01", bench.job("a", "sleep 60"))
        look = backend._clusters["study-01"].look()
        assert look.jobs is None
        shown[0] = True
        await backend._clusters["study-01"].jobs.answering().until(lambda: False)
        await bench.until(lambda: bench.looks["study-01"].jobs)


async def test_ssh_is_tried_again_after_a_while(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blind_module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(blind_module, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(blind_module, "_TRUST_SECONDS", 0.3)
    bench.sky.ssh_is_closed = True
    async with bench.running() as backend:
        await bench.until(lambda: "SSH is closed" in bench.note("study-01"))
        await backend.submit("study-01", bench.job("a", "sleep 60"))
        bench.sky.ssh_is_closed = False
        await bench.until(lambda: bench.sky.connections.get("study-01"))
        await bench.until(lambda: bench.looks["study-01"].jobs and not bench.note("study-01"))
        assert S.GONE not in [its for its, _ in bench.seen["study-01"]]


async def test_a_launch_that_was_cut_short_is_asked_for_again(bench: Bench):
    """Its server died before it wrote down how to get there; the old job table is still there."""
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "sleep 60"))
        await bench.until(lambda: bench.looks["study-01"].jobs)
        reach, launches = bench.sky.reach, len(bench.sky.launches)

        def no_way(record: Record, command: str) -> object:
            if len(bench.sky.launches) == launches:
                raise NoWayError("no SSH configuration")
            return reach(record, command)

        bench.backend._plan.reach = no_way  # type: ignore[assignment]
        bench.sky.break_off("study-01")
        await bench.until(lambda: len(bench.sky.launches) == launches + 1)


async def test_what_an_allocation_that_is_gone_ran_does_not_keep_its_cluster(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "sleep 60"))
        await bench.until(lambda: bench.looks["study-01"].jobs)
        bench.sky.lose("study-01")
        await bench.until(lambda: S.GONE in [its for its, _ in bench.seen["study-01"]])
        await bench.until_status(S.UP)
        await backend.forget("study-01", "a")
        async with asyncio.timeout(10):
            await backend.release()
        assert bench.sky.allocations == {}


async def test_a_defect_does_not_keep_a_cluster_from_going(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        place = backend._clusters["study-01"]

        async def defect(record: Record) -> None:
            raise TypeError("a defect")

        monkeypatch.setattr(place.jobs, "attend", defect)
        bench.sky.break_off("study-01")
        async with asyncio.timeout(20):
            await backend.release()
        assert bench.sky.allocations == {}


async def test_one_empty_answer_is_not_believed(bench: Bench):
    async with bench.running():
        await bench.until_status(S.UP)
        status, asked = bench.sky.status, Counter[bool]()

        def hiccup(names: list[str], *, refresh: bool = False) -> object:
            asked[refresh] += 1
            return [] if refresh and asked[True] == 1 else status(names, refresh=refresh)

        bench.sky.status = hiccup  # type: ignore[method-assign]
        bench.sky.break_off("study-01")
        await bench.until(lambda: asked[True] >= 2)
        await bench.until(lambda: bench.looks["study-01"].jobs is not None)
        assert S.GONE not in [its for its, _ in bench.seen["study-01"]]


async def test_an_unanswered_submission_is_found_or_surely_absent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    def die(at: str) -> Callable[[str], None]:
        def before(call: str) -> None:
            if call == at:
                raise SkyError(Trouble.UNREACHABLE, "the server is gone")

        return before

    async with bench.running() as backend:
        await bench.until_status(S.UP)
        bench.sky.before = die("executed")
        with pytest.raises(BackendError) as caught:
            await backend.submit("study-01", bench.job("a", "echo a"))
        assert not isinstance(caught.value, RefusedError)
        bench.sky.before = die("execute")
        with pytest.raises(BackendError):
            await backend.submit("study-01", bench.job("b", "echo b"))
        bench.sky.before = lambda call: None
        await bench.until(lambda: bench.looks["study-01"].jobs)
        assert await backend.find("study-01", "a") is not None
        with pytest.raises(BackendError, match="may still be on its way"):
            await backend.find("study-01", "b")
        monkeypatch.setattr(submitting_module, "_CERTAIN_SECONDS", 0.0)
        assert await backend.find("study-01", "b") is None


async def test_a_second_submission_of_a_job_does_nothing(bench: Bench):
    """An engine may die between a request and its answer, and the next one ask again."""
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        script = "echo run >> ~/executed; sleep 0.2"
        place, plan = backend._clusters["study-01"], backend._plan
        assert place.face.record is not None
        for attempt in ("1", "2"):
            job = bench.job(f"a{attempt}", script)
            same = Job("a", job.workdir, script, {}, 60.0)
            task = plan.job_task(same, f"a_{attempt}", place.face.record)
            bench.sky.execute("study-01", task)
        await bench.ended("a")
        await bench.until(lambda: all(r[2] == "SUCCEEDED" for r in rows(bench)))
        assert (bench.sky.home("study-01") / "executed").read_text() == "run\n"


async def test_short_jobs_share_one_job_of_skypilots(bench: Bench):
    bench.wanted["pilot"] = "auto"
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        for name in ("a", "b", "c", "d"):
            script = 'echo $(cat train.py) "$WORD"; test -x ./tool && ls -l link | cut -c1; ls ..'
            job = bench.job(name, script, files=f"this is {name};")
            (job.workdir / "tool").touch(0o755)
            (job.workdir / "link").symlink_to("train.py")
            await backend.submit("study-01", replace(job, envs={"WORD": "it's so"}))
        for name in ("a", "b", "c", "d"):
            assert (await bench.ended(name)).status is JobStatus.SUCCEEDED
            assert (await bench.output(name)).startswith(f"this is {name}; it's so\nl\n")
        assert bench.looks["study-01"].telemetry == "by a worker"
        # The set-up, and the worker.
        assert len(rows(bench)) == 2
        home = bench.sky.home("study-01")
        (state,) = (home / ".autoresearch").iterdir()
        for name in ("a", "b", "c", "d"):
            await backend.forget("study-01", name)
        await bench.until(lambda: bench.looks["study-01"].jobs == ())
        assert list((home / "sky_workdir" / "runs").iterdir()) == []
        assert list((state / "out").iterdir()) == list((state / "spool").glob("*/*")) == []


async def test_jobs_are_executed_by_skypilot_until_they_prove_short(bench: Bench):
    bench.wanted["pilot"] = "auto"
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        for name in ("a", "b", "c", "d"):
            await backend.submit("study-01", bench.job(name, "true", limit=900.0))
            assert (await bench.ended(name)).status is JobStatus.SUCCEEDED
        names = [name.split("_")[1] for _, name, _ in rows(bench)]
        assert names == ["setup", "a", "b", "c", "worker"]


async def test_a_worker_that_dies_loses_what_it_has_and_leaves_nothing_running(bench: Bench):
    bench.wanted["pilot"] = "auto"
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        script = "echo $$ > ~/pid; sleep 300"
        await backend.submit("study-01", bench.job("a", script))
        await backend.submit("study-01", bench.job("b", "true"))
        pid = bench.sky.home("study-01") / "pid"
        await bench.until(lambda: pid.exists() and pid.read_text())
        allocation = bench.sky.allocations["study-01"]
        # It alone, as by the system for want of memory.
        assert allocation.process is not None
        os.kill(allocation.process.pid, signal.SIGKILL)
        for name in ("a", "b"):
            job = await bench.ended(name)
            assert (job.status, job.why) == (JobStatus.LOST, "its cluster's worker has ended")
        await backend.submit("study-01", bench.job("c", "true"))
        assert (await bench.ended("c")).status is JobStatus.SUCCEEDED
        assert int(pid.read_text()) not in processes_of(bench.root)


async def test_a_worker_without_work_ends_and_another_takes_its_place(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(script_module, "_IDLE_SECONDS", 0.2)
    bench.wanted["pilot"] = "auto"
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        for name in ("a", "b"):
            await backend.submit("study-01", bench.job(name, "true"))
            assert (await bench.ended(name)).status is JobStatus.SUCCEEDED
            await bench.until(lambda: not backend._clusters["study-01"].jobs.worker)
        assert len(rows(bench)) == 3


async def test_what_reaches_a_closed_spool_was_not_taken(bench: Bench):
    bench.wanted["pilot"] = "auto"
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "sleep 1"))
        (state,) = (bench.sky.home("study-01") / ".autoresearch").iterdir()
        (spool,) = (state / "spool").iterdir()
        (spool / "~closed").touch()
        with pytest.raises(RefusedError, match="just ended"):
            await backend.submit("study-01", bench.job("b", "echo b > ~/executed"))
        assert await backend.find("study-01", "b") is None
        assert (await bench.ended("a")).status is JobStatus.SUCCEEDED
        assert not (bench.sky.home("study-01") / "executed").exists()


async def test_what_a_worker_has_is_not_missed_where_ssh_closes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blind_module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(blind_module, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(blind_module, "_TRUST_SECONDS", 0.3)
    bench.wanted["pilot"] = "auto"
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "sleep 1"))
        bench.sky.ssh_is_closed = True
        bench.sky.break_off("study-01")
        await bench.until(lambda: "SSH is closed" in bench.note("study-01"))
        place = backend._clusters["study-01"].jobs
        await bench.until(lambda: place.link is not None and place.link.rows)
        assert place.jobs() is None
        bench.sky.ssh_is_closed = False
        assert (await bench.ended("a")).status is JobStatus.SUCCEEDED


async def test_an_adopted_cluster_is_not_kept_from_others_by_a_worker(bench: Bench):
    bench.sky.allocations["theirs"] = Allocation(bench.sky.home("theirs"), "A100", 1)
    bench.wanted = {"use": ["theirs"], "pilot": "auto"}
    async with bench.running() as backend:
        await bench.until_status(S.UP, "theirs")
        await backend.submit("theirs", bench.job("a", "true"))
        assert (await bench.ended("a", "theirs")).status is JobStatus.SUCCEEDED
        names = [row[1].split("_")[1] for row in bench.sky.allocations["theirs"].rows()]
        assert names == ["setup", "a"]


def rows(bench: Bench) -> list[tuple[int, str, str]]:
    return bench.sky.allocations["study-01"].rows()


async def test_a_job_whose_server_died_with_it_is_withdrawn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(attending_module, "STUCK_SECONDS", 0.0)
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        place, plan = backend._clusters["study-01"], backend._plan
        assert place.face.record is not None
        task = plan.job_task(bench.job("a", "echo a >> ~/executed"), "a_1", place.face.record)
        number = bench.sky.allocations["study-01"].add(task, "INIT")
        await bench.until(lambda: place.jobs.row("a"))
        assert await backend.find("study-01", "a") is None
        allocation = bench.sky.allocations["study-01"]
        allocation.change("UPDATE jobs SET status = 'PENDING' WHERE job_id = ?", number)
        await bench.until(lambda: rows(bench)[-1][2] in ("SUCCEEDED", "CANCELLED"))
        assert not (bench.sky.home("study-01") / "executed").exists()


async def test_a_fleet_grows_shrinks_and_is_replaced_while_it_works(bench: Bench):
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.submit("study-01", bench.job("a", "sleep 0.5; echo done"))
        await backend.scale("H100", 2)
        await bench.until_status(S.UP, "study-02")
        assert await backend.replace("study-01") == "study-03"
        with pytest.raises(RefusedError):
            await backend.submit("study-01", bench.job("b", "true"))
        assert (await bench.ended("a")).status is JobStatus.SUCCEEDED
        # What it has to say is taken note of before it goes.
        assert "study-01" in bench.sky.allocations
        assert await bench.output("a") == "done\n"
        await backend.forget("study-01", "a")
        await bench.until(lambda: "study-01" not in bench.sky.allocations)
        await bench.until_status(S.UP, "study-03")
        await backend.scale("H100", 1)
        await bench.until(lambda: len(bench.sky.allocations) == 1)
        assert len(bench.registry.all()) == 1
        await backend.release()
    assert bench.sky.allocations == {}
    assert bench.registry.all() == []


async def test_what_is_kept_at_the_end_is_up_and_says_so(bench: Bench):
    bench.wanted["down_at_end"] = False
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        await backend.release()
        (state,) = await backend.clusters()
        assert (state.status, state.note) == (S.UP, "kept; down after 30 idle minutes")
        assert [each.name for each in bench.registry.all()] == ["study-01"]


async def test_what_went_down_idle_sleeps_until_there_is_work(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Plan, "idle_seconds", property(lambda plan: 0.0))
    async with bench.running() as backend:
        await bench.until_status(S.UP)
        bench.sky.lose("study-01")
        await bench.until_status(S.STOPPED)
        launches = len(bench.sky.launches)
        await backend.wake("study-01")
        await bench.until_status(S.UP)
        assert len(bench.sky.launches) == launches + 1


async def test_a_launch_that_is_under_way_is_not_asked_for_twice(bench: Bench):
    """The engine that asked for it died; the API server goes on."""
    async with bench.running():
        await bench.until_status(S.UP)
    allocation = bench.sky.allocations.pop("study-01")
    bench.sky.asked[-1] = bench.sky.asked[-1].__class__(
        bench.sky.asked[-1].id, "sky.launch", "RUNNING", bench.sky.asked[-1].body, 0.0
    )
    async with bench.running():
        await bench.until(lambda: bench.note("study-01") == "asked for")
        bench.sky.allocations["study-01"] = allocation
        with contextlib.suppress(IndexError):
            done = bench.sky.asked[-1]
            bench.sky.asked[-1] = done.__class__(done.id, done.name, "SUCCEEDED", done.body, 0.0)
        await bench.until_status(S.UP)
    assert bench.sky.launches == ["study-01"]
