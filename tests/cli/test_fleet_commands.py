"""The commands about clusters, and what they refuse."""

import json
import time
from pathlib import Path

import pytest

from autoresearch_tui.backends.skypilot.registry import Launched, Registry
from tests.studies import call, engine, make_study


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Registry()


def refused(*words: str | Path) -> str:
    done = call(*words)
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_what_any_study_left_up_is_listed(registry: Registry, tmp_path: Path):
    assert call("clusters").stdout == "no study has left a cluster up\n"
    now = time.time()
    registry.put(Launched("night-01", str(tmp_path), "a", now - 7200, "H100", 2.5))
    registry.put(Launched("other-01", "/elsewhere", "b", now, "H200"))
    lines = call("clusters").stdout.splitlines()
    assert "night-01" in lines[0]
    assert "$2.50/h" in lines[0]
    assert "launched 2.0 h ago  NO ENGINE" in lines[0]
    assert "price unknown" in lines[1]
    assert lines[2] == "2 clusters, $2.50/h in all"
    found = json.loads(call("clusters", "--json").stdout)
    assert [(each["name"], each["engine"]) for each in found] == [
        ("night-01", False),
        ("other-01", False),
    ]


def test_a_broken_entry_is_passed_over(registry: Registry, tmp_path: Path):
    registry.put(Launched("night-01", "/s", "a", 0.0))
    (tmp_path / "state/autoresearch-tui/clusters/bad.json").write_text("{")
    assert [each.name for each in registry.all()] == ["night-01"]


def test_what_is_not_understood_is_said(tmp_path: Path):
    study = make_study(tmp_path / "study")
    assert "as in H100=8" in refused("scale", "H100", "-C", study)
    assert "13xH100,3xH200" in refused(study, "--no-ui", "--clusters", "H100x3")
    assert "--clusters 16 --infra k8s" in refused(study, "--no-ui", "--infra", "k8s")
    assert "names a cluster twice" in refused(study, "--no-ui", "--use", "a,a")


def test_the_slots_of_a_machine_are_no_fleet(tmp_path: Path):
    study = make_study(tmp_path / "study")
    with engine(study):
        assert "`local.slots`" in refused("scale", "CPU=4", "-C", study)
        assert "`local.slots`" in refused("drain", "cpu-01", "-C", study)
        assert "there is no such cluster; there are: cpu-01, cpu-02" in refused(
            "replace", "gpu-01", "-C", study
        )
        assert call("wake", "cpu-01", "-C", study).returncode == 0
