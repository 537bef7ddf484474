"""The record and the settings as pages."""

import pytest

from autoresearch_tui.config import Section, Settings, parse_settings
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.app import Cockpit
from autoresearch_tui.tui.screens.pages import EventsScreen, SettingsScreen
from autoresearch_tui.tui.settings_lines import settings_lines
from autoresearch_tui.tui.widgets.lines import Lines
from tests.tui.test_cockpit import cockpit, notices, paths, screen_text, store, until

__all__ = ["paths", "store"]


def page(app: Cockpit) -> str:
    return app.screen.query_one("#page", Lines).text


async def test_the_record_is_read_and_goes_on(paths: StudyPaths, store: Writer):
    store.record("experiment.vetoed", "too\nbold", actor="ann", subject="e0003")
    app = cockpit(paths)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EventsScreen))
        await until(pilot, lambda: "ann          experiment.vetoed  e0003  too bold" in page(app))
        for number in range(100):
            store.record("run.lost", "gone", subject=f"r{number}")
        await until(pilot, lambda: "r99  gone" in screen_text(app))
        assert page(app).count("run.lost") == 100
        await pilot.press("slash", *"r12 ", "enter")
        await until(pilot, lambda: "r12  gone" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_the_settings_say_what_is_in_force_and_what_the_file_says(
    paths: StudyPaths, store: Writer
):
    (paths.root / "autoresearch.toml").write_text("[limits]\nmax_hours = 7.5\n")
    app = cockpit(paths)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await until(pilot, lambda: "● max_hours = 7.5" in page(app))
        assert "manual" in page(app).split("THIS COCKPIT")[0]


async def test_a_file_that_does_not_hold_is_said_in_its_place(paths: StudyPaths, store: Writer):
    (paths.root / "autoresearch.toml").write_text("[limits]\nmax_houurs = 7.5\n")
    app = cockpit(paths)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("v")
        await until(pilot, lambda: "max_houurs" in page(app))
        assert not notices(app)


def every_section() -> list[tuple[str, type[Section]]]:
    return [(name, type(getattr(Settings(), name))) for name in Settings.model_fields]


@pytest.mark.parametrize(("name", "section"), every_section())
def test_every_setting_has_its_line_and_its_meaning(name: str, section: type[Section]):
    lines = [text for text, _ in settings_lines(Settings())]
    begin = lines.index(f"[{name}]")
    for at, key in enumerate(section.model_fields):
        key_line, meaning = lines[begin + 1 + 2 * at : begin + 3 + 2 * at]
        assert key_line.startswith(f"  {key} = ")
        assert len(meaning.split()) > 2


def test_groups_and_choices_are_written_as_the_file_has_them():
    text = '[skypilot]\nclusters = [{ accelerator = "H100:1", count = 13, infra = "k8s" }]\n'
    lines = [text for text, _ in settings_lines(parse_settings(text))]
    shown = next(line for line in lines if "clusters =" in line)
    assert shown.startswith('● clusters = [{ accelerator = "H100:1", count = 13, infra = "k8s"')
