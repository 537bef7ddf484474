"""What a confined run can reach, under each kind of confinement that works here."""

import shutil
import socket
from pathlib import Path

import pytest

from autoresearch_tui.backends.base import JobStatus
from autoresearch_tui.backends.local import confine, sandbox
from autoresearch_tui.backends.local.environment import allowed, job_environment
from autoresearch_tui.config import SandboxSettings
from autoresearch_tui.errors import BackendError
from tests.backends.conftest import Study, ended, output, processes_of, running

HAS_BUBBLEWRAP = shutil.which("bwrap") is not None

KINDS = [
    pytest.param(
        "bubblewrap", marks=pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="no bubblewrap")
    ),
    pytest.param(
        "landlock", marks=pytest.mark.skipif(not confine.landlock_version(), reason="no Landlock")
    ),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "landlock":
        monkeypatch.setattr(sandbox.shutil, "which", lambda _: None)
    return request.param


async def printed(study: Study, script: str, **settings: object) -> list[str]:
    """What a confined job prints."""
    backend = await study.backend(sandbox=SandboxSettings(**settings))
    await backend.submit("cpu-01", study.job("j", script))
    (state,) = await ended(backend, "j")
    lines = (await output(backend, "cpu-01", "j")).decode().splitlines()
    assert state.status is JobStatus.SUCCEEDED, lines
    return lines


async def test_the_kind_is_said(study: Study, kind: str):
    backend = await study.backend(sandbox=SandboxSettings())
    network = "no network" if kind == "bubblewrap" else "no TCP"
    assert backend.confinement == f"runs are confined by {kind}, {network}"


async def test_a_run_writes_in_its_own_directory_and_in_tmp_alone(study: Study, kind: str):
    outside = study.root / "outside"
    lines = await printed(
        study,
        f"echo a > mine; cat mine; echo b > ${{TMPDIR:-/tmp}}/x && cat ${{TMPDIR:-/tmp}}/x\n"
        f"(echo no > {outside}) 2> /dev/null || echo refused\n"
        "(echo no >> /etc/hosts) 2> /dev/null || echo refused",
    )
    assert lines[:2] == ["a", "b"]
    assert not outside.exists()
    assert lines[-1] == "refused"


async def test_a_run_sees_neither_the_study_nor_a_neighbour(study: Study, kind: str):
    (study.root / "secret").write_text("key\n")
    backend = await study.backend(slots=2, sandbox=SandboxSettings())
    other = study.job("other", "sleep 60")
    (other.workdir / "prepare.py").write_text("honest\n")
    await backend.submit("cpu-02", other)
    await running(backend, "other")
    script = (
        f"cat {study.root}/secret 2> /dev/null || echo refused\n"
        f"find {study.root} -name prepare.py 2> /dev/null | while read f; do echo bad > $f; done\n"
        f"ls {study.paths.local}/cpu-02/queue 2> /dev/null || echo refused\n"
    )
    await backend.submit("cpu-01", study.job("j", script))
    await ended(backend, "j")
    text = (await output(backend, "cpu-01", "j")).decode()
    assert "key" not in text
    assert text.count("refused") == 2
    found = list(study.paths.local.rglob("prepare.py"))
    assert [path.read_text() for path in found] == ["honest\n"]


async def test_a_run_has_no_network_unless_it_is_asked_for(study: Study, kind: str):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"(echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null && echo on || echo off"
        assert await printed(study, script) == ["off"]


async def test_a_run_may_ask_for_the_network(study: Study, kind: str):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"(echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null && echo on || echo off"
        assert await printed(study, script, network=True) == ["on"]


async def test_named_directories_are_readable_or_writable(study: Study, kind: str):
    data, scratch = study.root / "data", study.root / "scratch"
    data.mkdir()
    scratch.mkdir()
    (data / "text").write_text("words\n")
    script = (
        f"cat {data}/text; (echo x > {data}/y) 2> /dev/null || echo refused; echo z > {scratch}/z"
    )
    lines = await printed(study, script, read=(str(data),), write=(str(scratch),))
    assert lines == ["words", "refused"]
    assert (scratch / "z").read_text() == "z\n"


async def test_the_studys_python_is_not_ours_and_knows_our_packages(study: Study, kind: str):
    code = "import sys, pydantic; print(sys.prefix)"
    lines = await printed(study, f"python -c '{code}'; command -v pip; pip --version | cut -c1-3")
    assert lines == [
        str(study.paths.state / "env"),
        str(study.paths.state / "env/bin/pip"),
        "pip",
    ]


async def test_a_confined_run_is_ended_with_all_its_children(study: Study, kind: str):
    backend = await study.backend(sandbox=SandboxSettings())
    mark = "trap 'echo ended; exit 0' TERM; setsid sleep 985 & sleep 984 & wait"
    await backend.submit("cpu-01", study.job("j", mark))
    await running(backend, "j")
    await backend.cancel("cpu-01", "j")
    (state,) = await ended(backend, "j")
    assert state.status is JobStatus.CANCELLED
    assert not [c for c in processes_of(study.root).values() if "sleep 98" in c]


async def test_exit_codes_come_through(study: Study, kind: str):
    backend = await study.backend(sandbox=SandboxSettings())
    await backend.submit("cpu-01", study.job("j", "exit 7"))
    (state,) = await ended(backend, "j")
    assert (state.status, state.exit_code) == (JobStatus.FAILED, 7)


async def test_without_any_confinement_it_is_said_or_refused(
    study: Study, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox.shutil, "which", lambda _: None)
    monkeypatch.setattr(confine, "landlock_version", lambda: 0)
    backend = await study.backend(sandbox=SandboxSettings())
    assert "NOT confined: bubblewrap is not installed" in backend.confinement
    with pytest.raises(BackendError, match="cannot be confined"):
        await study.backend(sandbox=SandboxSettings(mode="require"))


def test_variables_are_let_through_by_name():
    environ = {
        "PATH": "/usr/bin",
        "HOME": "/root",
        "LC_ALL": "C",
        "CUDA_VISIBLE_DEVICES": "0",
        "PGPASSWORD": "x",
        "DATABASE_URL": "x",
        "OPENAI_KEY": "x",
        "ANTHROPIC_API_KEY": "x",
        "CUDA_TOKEN": "x",
        "SSH_AUTH_SOCK": "x",
        "PIP_INDEX_URL": "x",
        "https_proxy": "x",
        "WANDB_MODE": "x",
    }
    assert set(allowed(environ)) == {"PATH", "HOME", "LC_ALL", "CUDA_VISIBLE_DEVICES"}
    assert set(allowed(environ, install=True)) - set(allowed(environ)) == {
        "PIP_INDEX_URL",
        "https_proxy",
    }
    assert "WANDB_MODE" in allowed(environ, ["WANDB_MODE"])


def test_our_own_programs_are_not_on_the_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.prefix", "/ours")
    monkeypatch.setattr("sys.executable", "/ours/bin/python")
    env = job_environment({"PATH": "/ours/bin:/usr/bin"}, Path("/study/env/bin"))
    assert env["PATH"] == "/study/env/bin:/usr/bin"
    assert env["VIRTUAL_ENV"] == "/study/env"
