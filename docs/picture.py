"""Draws the README's picture: `python docs/picture.py STUDY docs/cockpit.svg`."""

import asyncio
import sys
from pathlib import Path

from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.tui.app import Cockpit


async def draw(study: Path) -> str:
    """The screen of the study as it stands, as SVG."""

    async def start() -> None:
        return

    app = Cockpit(StudyPaths(study), start, lambda experiment: experiment.title)
    async with app.run_test(size=(128, 40)) as pilot:
        while app.main.view.study is None:
            await pilot.pause(0.05)
        await pilot.pause(1.0)
        return app.export_screenshot()


if __name__ == "__main__":
    svg = asyncio.run(draw(Path(sys.argv[1]).resolve()))
    Path(sys.argv[2]).write_text(svg, encoding="utf-8")
