"""Which clusters there are to be, across restarts and changes of mind."""

from pathlib import Path

import pytest

from autoresearch_tui.backends.skypilot.fleet import Fleet
from autoresearch_tui.config import ClusterGroup, parse_clusters
from autoresearch_tui.errors import BackendError, ConfigError

GROUPS = (
    ClusterGroup(accelerator="H100:1", count=2, infra="k8s"),
    ClusterGroup(accelerator="H200:1", count=1),
)


def staying(fleet: Fleet) -> list[tuple[str, str | None]]:
    return [(m.name, m.accelerators) for m in fleet.members.values() if not m.leaving]


def leaving(fleet: Fleet) -> list[str]:
    return [m.name for m in fleet.members.values() if m.leaving]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "fleet.json"


def declared(path: Path, groups: tuple[ClusterGroup, ...] = GROUPS) -> Fleet:
    fleet = Fleet(path, "tag")
    fleet.declare(groups, [])
    return fleet


def test_clusters_are_named_after_their_study_and_numbered(path: Path):
    assert staying(declared(path)) == [
        ("tag-01", "H100:1"),
        ("tag-02", "H100:1"),
        ("tag-03", "H200:1"),
    ]


def test_another_engine_finds_the_same_clusters(path: Path):
    before = declared(path)
    after = declared(path)
    assert (after.uid, staying(after)) == (before.uid, staying(before))


def test_more_of_a_kind_get_new_names_and_fewer_go_from_the_end(path: Path):
    fleet = declared(path)
    fleet.scale("H100", 3)
    assert staying(fleet)[-1] == ("tag-04", "H100:1")
    fleet.scale("H100:1", 1)
    assert leaving(fleet) == ["tag-02", "tag-04"]


def test_those_without_work_go_first(path: Path):
    fleet = declared(path)
    fleet.scale("H100", 1, last=["tag-01"])
    assert leaving(fleet) == ["tag-01"]


def test_a_fleet_that_was_scaled_stays_so_until_its_settings_change(path: Path):
    declared(path).scale("H100", 5)
    assert len(staying(declared(path))) == 6
    other = (ClusterGroup(accelerator="H100:1", count=1, infra="k8s"),)
    assert staying(declared(path, other)) == [("tag-01", "H100:1")]


def test_after_an_end_the_same_fleet_comes_again_under_new_names(path: Path):
    fleet = declared(path)
    for name in list(fleet.members):
        fleet.leave(name)
        fleet.remove(name)
    fleet = Fleet(path, "tag")
    fleet.declare_again()
    assert [name for name, _ in staying(fleet)] == ["tag-04", "tag-05", "tag-06"]


def test_one_is_replaced_by_another_of_its_kind(path: Path):
    fleet = declared(path)
    assert fleet.replace("tag-03") == "tag-04"
    assert fleet.members["tag-04"].accelerators == "H200:1"
    assert leaving(fleet) == ["tag-03"]


def test_what_is_not_ours_is_never_given_up(path: Path):
    fleet = Fleet(path, "tag")
    fleet.declare((), ["theirs"])
    with pytest.raises(BackendError, match="never stops it"):
        fleet.leave("theirs")
    fleet.declare((), [])
    assert fleet.members == {}


def test_what_cannot_be_scaled_is_said(path: Path):
    fleet = declared(path)
    with pytest.raises(BackendError, match="it has H100:1, H200:1"):
        fleet.scale("A100", 3)
    both = (*GROUPS, ClusterGroup(accelerator="H100:1", count=1, infra="slurm"))
    with pytest.raises(BackendError, match="is on k8s and slurm"):
        declared(path, both).scale("H100", 2)


def test_a_broken_file_says_what_to_do(path: Path):
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(BackendError, match="see `sky status`"):
        Fleet(path, "tag")


def test_the_command_lines_way_to_say_it():
    assert parse_clusters("13xH100, 3xH200:8,L4", "slurm") == (
        ClusterGroup(accelerator="H100:1", count=13, infra="slurm"),
        ClusterGroup(accelerator="H200:8", count=3, infra="slurm"),
        ClusterGroup(accelerator="L4:1", count=1, infra="slurm"),
    )
    assert parse_clusters("16") == (ClusterGroup(count=16),)
    for wrong in ("", "0xH100", "H100x3", "3x", "257", "H100:"):
        with pytest.raises(ConfigError, match="13xH100"):
            parse_clusters(wrong)
