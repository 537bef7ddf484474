"""Commands that make a study, open it, and run its engine."""

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from autoresearch_tui.cli.group import (
    cli,
    limit_options,
    paths_of,
    settings_of,
    study_argument,
    task_option,
    words_of,
)
from autoresearch_tui.cli.reading import diff_text
from autoresearch_tui.config import Settings
from autoresearch_tui.control import may_act
from autoresearch_tui.domain import Study, StudyStatus
from autoresearch_tui.errors import ControlError, StudyError
from autoresearch_tui.paths import StudyPaths


@cli.command("open")
@study_argument
@click.option("--no-ui", is_flag=True, help="The engine in the foreground, one line an event.")
@limit_options
@task_option
def open_study(study: Path, no_ui: bool, accept_task: bool, **options: object) -> None:
    """Open a study: the terminal UI, or the engine alone with --no-ui."""
    paths = paths_of(study)
    settings, given = settings_of(paths.root, options)
    if no_ui:
        if not given and (ended := _ended(paths)):
            click.echo(ended)
            return
        accept_task = accept_task or _accepts_task(paths, settings)
        sys.exit(_engine(paths, settings, given, told=True, accept_task=accept_task))
    if why := no_screen():
        click.echo(f"error: {why}: use `--no-ui`", err=True)
        sys.exit(2)
    # Nothing of what is brought in is garbage; the cockpit collects again once it is drawn.
    gc.disable()
    from autoresearch_tui.launch import start_detached
    from autoresearch_tui.tui.app import run_cockpit

    async def start() -> None:
        if not may_act():
            raise ControlError("this key may only look")
        await start_detached(paths, words_of(options))

    if may_act() and _wants_engine(paths, given):
        accepts = accept_task or _accepts_task(paths, settings) or None
        # Accepted is this change, and not what an engine finds that is started later.
        asyncio.run(start_detached(paths, words_of(options | {"accept_task": accepts})))
    sys.exit(run_cockpit(paths, start, lambda experiment: diff_text(paths, experiment)))


def no_screen() -> str:
    """Why the cockpit cannot be drawn here; empty when it can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "this is no terminal"
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        return "this terminal cannot be drawn on (TERM=dumb)"
    return ""


def _study(paths: StudyPaths) -> Study | None:
    """The study as its database has it, if an engine has ever run."""
    from autoresearch_tui.store import open_reader

    with contextlib.suppress(StudyError), open_reader(paths.database) as reader:
        return reader.study()
    return None


def _wants_engine(paths: StudyPaths, given: frozenset[str]) -> bool:
    """A study that runs, or has ended and is only looked at, needs no new engine."""
    from autoresearch_tui.control import engine_lives

    study = _study(paths)
    if study is None:
        return True
    if engine_lives(study, time.time()):
        return False
    return study.status is not StudyStatus.FINISHED or bool(given)


def _ended(paths: StudyPaths) -> str:
    """That a study is finished, and how it would go on; empty when it is not."""
    study = _study(paths)
    if study is None or study.status is not StudyStatus.FINISHED:
        return ""
    return (
        f"{study.tag} is finished: {study.end_reason}; give a limit, such as "
        "`--max-experiments N`, to go on"
    )


@cli.command(hidden=True)
@study_argument
@limit_options
@task_option
def engine(study: Path, accept_task: bool, **options: object) -> None:
    """Run the engine without printing."""
    paths = paths_of(study)
    settings, given = settings_of(paths.root, options)
    sys.exit(_engine(paths, settings, given, told=False, accept_task=accept_task))


def _accepts_task(paths: StudyPaths, settings: Settings) -> bool:
    """Ask about a task that has changed, where somebody can answer; the engine refuses it else."""
    from autoresearch_tui.backends.task import load_task
    from autoresearch_tui.engine.other_task import other_task
    from autoresearch_tui.store import open_reader

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    changed = ""
    with contextlib.suppress(StudyError), open_reader(paths.database) as reader:
        changed = other_task(reader, load_task(paths.root / settings.study.task))
    if not changed:
        return False
    click.echo(f"{settings.study.task}: {changed} changed since this study's runs were made.")
    return click.confirm(
        "Its results and new ones do not compare, so baseline and best are measured again. "
        "Go on all the same?"
    )


def _engine(
    paths: StudyPaths,
    settings: Settings,
    given: frozenset[str],
    *,
    told: bool,
    accept_task: bool,
) -> int:
    from autoresearch_tui.engine.headless import Headless
    from autoresearch_tui.engine.process import run_engine

    watch = Headless.watch if told else None
    code = asyncio.run(run_engine(paths, settings, given, watch, accept_task=accept_task))
    if told:
        _tell_left(paths, settings)
    return code


def _tell_left(paths: StudyPaths, settings: Settings) -> None:
    """Say which clusters of the study are still up, and what that costs."""
    from autoresearch_tui.backends.skypilot.registry import Registry

    left = [each for each in Registry().all() if each.study == str(paths.root)]
    if not left:
        return
    for each in left:
        price = f"${each.price:.2f} an hour" if each.price else "price unknown"
        click.echo(f"still up: {each.name} {each.accelerators}, {price}")
    click.echo(
        f"each goes down after {settings.skypilot.idle_minutes} idle minutes; "
        "`autoresearch-tui clusters --down` takes them down now"
    )


def _choose(files: Sequence[str]) -> str:
    """Ask which file the study edits."""
    for number, name in enumerate(files, 1):
        click.echo(f"{number:>3}  {name}")
    kind = click.IntRange(1, len(files))
    chosen: int = click.prompt("Which of them is to be edited?", type=kind)
    return files[chosen - 1]


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--from", "source", help="A git repository to use: a directory, or a URL to clone.")
@click.option("--tag", help="Name of the study (default: the directory's).")
@click.option("--train", help="With --from: the file to edit (default: what prints the metric).")
@click.option("--metric", default="val_bpb", show_default=True, help="With --from: what it prints.")
@click.option("--maximize", is_flag=True, help="With --from: more of the metric is better.")
def init(
    directory: Path | None,
    source: str | None,
    tag: str | None,
    train: str | None,
    metric: str,
    maximize: bool,
) -> None:
    """Make a new study in DIRECTORY, from the packaged trainer or --from a repository."""
    from autoresearch_tui.adoption import Choice, adopt_repository
    from autoresearch_tui.template import create_study

    if source is not None:
        ask = _choose if sys.stdin.isatty() and sys.stdout.isatty() else None
        choice = Choice(tag, train, metric, not maximize)
        made = adopt_repository(source, directory, choice, ask)
    elif train is not None or maximize or metric != "val_bpb":
        raise StudyError("init: --train, --metric and --maximize go with --from REPOSITORY")
    elif directory is not None:
        create_study(directory, tag)
        made = directory
    else:
        raise StudyError("init: give the directory of the new study: `autoresearch-tui init DIR`")
    click.echo(f"{made}: a new study; `autoresearch-tui {made}` starts it")
