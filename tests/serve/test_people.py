"""Who may come in, and who has failed too often."""

from pathlib import Path

import asyncssh
import pytest

from autoresearch_tui.errors import ConfigError
from autoresearch_tui.serve.people import Person, read_people
from autoresearch_tui.serve.ssh_server import Gate, host_key


def public(comment: str) -> tuple[str, bytes]:
    key = asyncssh.generate_private_key("ssh-ed25519", comment)
    return key.export_public_key().decode().strip(), key.public_data


def test_roles_and_names_come_from_the_file(tmp_path: Path):
    maria, ada, nobody = public("maria@lab"), public("ada lovelace"), public("")
    path = tmp_path / "keys"
    path.write_text(f"# ours\noperator {maria[0]}\n\n{ada[0]}\nviewer {nobody[0]}\n")
    path.chmod(0o600)
    found = read_people(path)
    assert found[maria[1]] == Person("maria@lab", "operator")
    assert found[ada[1]] == Person("ada-lovelace", "viewer")
    assert found[nobody[1]].role == "viewer"
    assert found[nobody[1]].name.startswith("SHA256:")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("operator nonsense", "line 1: no key; a line is"),
        ("admin ssh-ed25519 AAAA", "line 1: no key"),
        ("ssh-ed25519 AAAAnotbase64 me", "line 1: no key"),
    ],
)
def test_a_line_that_is_no_key_is_named(tmp_path: Path, text: str, message: str):
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=message):
        read_people(path)


def test_a_file_that_others_may_write_is_not_trusted(tmp_path: Path):
    path = tmp_path / "keys"
    path.write_text("")
    path.chmod(0o622)
    with pytest.raises(ConfigError, match="others may write it"):
        read_people(path)
    with pytest.raises(ConfigError, match="there is no such file; put the keys"):
        read_people(tmp_path / "none")


def test_whoever_fails_too_often_waits():
    now = [0.0]
    gate = Gate(lambda: now[0])
    for _ in range(9):
        gate.failed("a")
    assert gate.is_open("a")
    gate.failed("a")
    assert not gate.is_open("a")
    assert gate.is_open("b")
    now[0] = 61.0
    assert gate.is_open("a")


def test_the_host_key_is_made_once_and_is_private(tmp_path: Path):
    path = tmp_path / "state" / "ssh_host_key"
    first = host_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert host_key(path).public_data == first.public_data
    path.write_text("rubbish")
    with pytest.raises(ConfigError, match="host key cannot be read"):
        host_key(path)
