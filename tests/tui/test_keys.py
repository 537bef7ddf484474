"""Keys of the operator's own."""

from pathlib import Path

import pytest

from autoresearch_tui.errors import ConfigError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.keys import key_file, movable, read_keys
from tests.tui.test_cockpit import Requests, cockpit, engine, notices, paths, store, until

__all__ = ["paths", "store"]


def test_what_a_file_may_say(tmp_path: Path):
    path = tmp_path / "keys.toml"
    assert read_keys(path) == {}
    path.write_text('approve = "ctrl+a"\nquit = "Q"\n')
    assert read_keys(path) == {"approve": "ctrl+a", "quit": "Q"}
    assert movable()["approve"] == "A"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('aprove = "a"', "there is no command aprove; there are: approve, veto"),
        ("approve = 3", "approve: a key is a text"),
        ('approve = "V"', "V is for approve and for veto"),
        ("approve =", "cannot be read"),
    ],
)
def test_what_it_may_not(tmp_path: Path, text: str, message: str):
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_keys(path)


async def test_a_moved_key_works_and_its_old_one_does_not(
    paths: StudyPaths, store: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    key_file().parent.mkdir()
    key_file().write_text('pause = "ctrl+o"\n')
    app, asked = cockpit(paths), Requests()
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("P")
        await pilot.pause()
        assert asked == []
        await pilot.press("ctrl+o")
        await until(pilot, lambda: asked == [("pause", {})])


async def test_a_wrong_file_is_named_and_the_usual_keys_stay(
    paths: StudyPaths, store: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    key_file().parent.mkdir()
    key_file().write_text('nothing = "x"\n')
    app, asked = cockpit(paths), Requests()
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "there is no command nothing" in notices(app))
        await pilot.press("P")
        await until(pilot, lambda: asked == [("pause", {})])
