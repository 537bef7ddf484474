"""The command that plays a study again."""

import lzma
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import click

from autoresearch_tui.cli.group import cli, paths_of
from autoresearch_tui.cli.opening import no_screen
from autoresearch_tui.cli.reading import diff_text
from autoresearch_tui.domain import Experiment
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths

_WATCHED_SECONDS = 300.0
"""What a whole recording takes at the speed that is chosen by itself."""


@cli.command()
@click.argument("study", type=click.Path(path_type=Path), required=False)
@click.option("--speed", type=click.FloatRange(0.1, 3600), help="Its seconds in one of ours.")
def replay(study: Path | None, speed: float | None) -> None:
    """Play a STUDY again in the cockpit; without one, a night on 16 simulated GPUs."""
    if why := no_screen():
        raise StudyError(f"{why}: a replay needs a screen; `report` has the results")
    from autoresearch_tui.store.writer import open_writer

    if study is not None:
        sys.exit(_play(paths_of(study), speed))
    with tempfile.TemporaryDirectory(prefix="autoresearch-replay-") as directory:
        paths = StudyPaths(Path(directory))
        paths.state.mkdir()
        packed = files("autoresearch_tui").joinpath("night.db.xz").read_bytes()
        paths.database.write_bytes(lzma.decompress(packed))
        # It may have been recorded by an earlier version.
        open_writer(paths.database).close()
        sys.exit(_play(paths, speed, is_packaged=True))


def _play(paths: StudyPaths, speed: float | None, *, is_packaged: bool = False) -> int:
    from autoresearch_tui.tui.app import run_replay
    from autoresearch_tui.tui.diffs import edits_text
    from autoresearch_tui.tui.replay import Replay

    recording = Replay(paths.database, speed or 1.0)
    head = recording.head
    if speed is None:
        head.change(speed=max((head.end - head.begin) / _WATCHED_SECONDS, 1.0))

    def diff(experiment: Experiment) -> str:
        return edits_text(experiment) if is_packaged else diff_text(paths, experiment)

    return run_replay(paths, recording, diff)
