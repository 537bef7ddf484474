"""The command line: builds the others and nothing else."""

import asyncio
import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import click

from autoresearch_tui import __version__
from autoresearch_tui.config import Settings, load_settings, with_overrides
from autoresearch_tui.domain import ApprovalMode, Experiment, ExperimentStatus
from autoresearch_tui.errors import AutoresearchError, StudyError
from autoresearch_tui.paths import StudyPaths

Command = TypeVar("Command", bound=Callable[..., Any])


class Commands(click.Group):
    """A group whose first word may be a directory: the study to open."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `autoresearch-tui [STUDY] …` as `autoresearch-tui open [STUDY] …`."""
        is_ours = bool(args) and (args[0] in self.commands or args[0] in ("--help", "--version"))
        return super().parse_args(ctx, args if is_ours else ["open", *args])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which one meets them."""
        return list(self.commands)


@click.group(cls=Commands)
@click.version_option(__version__)
def cli() -> None:
    """Watch, steer and trust a search for a better train.py.

    `autoresearch-tui [STUDY]` opens the study in the directory STUDY (default: this one), and
    starts its engine when none runs.
    """


_MODES = [mode.value for mode in ApprovalMode]


def _limits(command: Command) -> Command:
    options = [
        click.option("--max-experiments", type=click.IntRange(1), help="End after so many."),
        click.option("--max-hours", type=float, help="End after so many hours."),
        click.option("--budget-usd", type=float, help="End after so many dollars."),
        click.option("--slots", type=click.IntRange(1), help="Runs at a time on this machine."),
        click.option("--approval", type=click.Choice(_MODES), help="Approval mode."),
        click.option("--researcher", type=click.Choice(["optimizer", "none"]), help="Proposer."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


_KEYS = {
    "max_experiments": "limits.max_experiments",
    "max_hours": "limits.max_hours",
    "budget_usd": "limits.budget_usd",
    "slots": "local.slots",
    "approval": "approval.mode",
    "researcher": "researcher.kind",
}


def _settings(root: Path, options: dict[str, object]) -> tuple[Settings, frozenset[str]]:
    given = {_KEYS[name]: value for name, value in options.items() if value is not None}
    return with_overrides(load_settings(root), given), frozenset(given)


def _words(options: dict[str, object]) -> list[str]:
    found = ((name, value) for name, value in options.items() if value is not None)
    return [f"--{name.replace('_', '-')}={value}" for name, value in found]


_Study = click.argument("study", type=click.Path(path_type=Path), default=".")
_study_option = click.option(
    "-C", "--study", type=click.Path(path_type=Path), default=".", help="The study's directory."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _paths(study: Path) -> StudyPaths:
    root = study.expanduser().resolve()
    if not root.is_dir():
        raise StudyError(f"{study}: no such directory; `autoresearch-tui init {study}` makes one")
    return StudyPaths(root)


@cli.command("open")
@_Study
@click.option("--no-ui", is_flag=True, help="The engine in the foreground, one line an event.")
@_limits
def open_study(study: Path, no_ui: bool, **options: object) -> None:
    """Open a study: the terminal UI, or the engine alone with --no-ui."""
    paths = _paths(study)
    settings, given = _settings(paths.root, options)
    if no_ui:
        sys.exit(_engine(paths, settings, given, told=True))
    from autoresearch_tui.launch import start_detached
    from autoresearch_tui.tui.app import run_cockpit

    async def start() -> None:
        await start_detached(paths, _words(options))

    if _wants_engine(paths, given):
        asyncio.run(start())
    sys.exit(run_cockpit(paths, start, lambda experiment: _diff(paths, experiment)))


def _wants_engine(paths: StudyPaths, given: frozenset[str]) -> bool:
    """A study that runs, or has ended and is only looked at, needs no new engine."""
    from autoresearch_tui.domain import StudyStatus
    from autoresearch_tui.report.text import is_alive
    from autoresearch_tui.store import open_reader

    if not paths.database.exists():
        return True
    with contextlib.suppress(StudyError), open_reader(paths.database) as reader:
        study = reader.study()
        if is_alive(study, time.time()) and _lives(study.engine_pid):
            return False
        return study.status is not StudyStatus.FINISHED or bool(given)
    return True


def _lives(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cli.command(hidden=True)
@_Study
@_limits
def engine(study: Path, **options: object) -> None:
    """Run the engine without printing."""
    paths = _paths(study)
    settings, given = _settings(paths.root, options)
    sys.exit(_engine(paths, settings, given, told=False))


def _engine(paths: StudyPaths, settings: Settings, given: frozenset[str], *, told: bool) -> int:
    from autoresearch_tui.engine.headless import Headless
    from autoresearch_tui.engine.lifecycle import run_engine

    watch = Headless.watch if told else None
    return asyncio.run(run_engine(paths, settings, given, watch))


def _request(study: Path, do: str, **args: object) -> object:
    from autoresearch_tui.control import request

    return asyncio.run(request(_paths(study), do, args))


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--from", "source", type=click.Path(path_type=Path), help="A git repository to use.")
@click.option("--tag", help="Name of the study (default: the directory's).")
def init(directory: Path | None, source: Path | None, tag: str | None) -> None:
    """Make a new study in DIRECTORY, from the packaged trainer or --from a repository."""
    from autoresearch_tui.template import adopt_repository, create_study

    if source is not None:
        made = adopt_repository(source, directory, tag)
    elif directory is not None:
        create_study(directory, tag)
        made = directory
    else:
        raise StudyError("init: give the directory of the new study: `autoresearch-tui init DIR`")
    click.echo(f"{made}: a new study; `autoresearch-tui {made}` starts it")


@cli.command()
@_study_option
@_json_option
def status(study: Path, as_json: bool) -> None:
    """Say how the study is doing."""
    from autoresearch_tui.report.export import status_object, to_json
    from autoresearch_tui.report.text import status_lines
    from autoresearch_tui.report.utilisation import utilisation
    from autoresearch_tui.store import open_reader

    with open_reader(_paths(study).database) as reader:
        if as_json:
            click.echo(to_json(status_object(reader)))
            return
        now = time.time()
        experiments = reader.experiments()
        best = next((e for e in experiments if e.is_best), None)
        idle = utilisation(reader.runs(), now).idle_percent
        counted = reader.experiment_counts()
        click.echo("\n".join(status_lines(reader.study(), counted, best, idle, now)))


@cli.command("list")
@_study_option
@_json_option
def list_experiments(study: Path, as_json: bool) -> None:
    """List the experiments."""
    from autoresearch_tui.report.export import to_json
    from autoresearch_tui.report.text import experiment_table
    from autoresearch_tui.store import open_reader

    with open_reader(_paths(study).database) as reader:
        found = reader.experiments()
    click.echo(to_json(found) if as_json else "\n".join(experiment_table(found)))


@cli.command()
@click.argument("experiment")
@_study_option
@_json_option
def show(experiment: str, study: Path, as_json: bool) -> None:
    """Show all there is to say of an EXPERIMENT."""
    from autoresearch_tui.report.export import to_json
    from autoresearch_tui.report.text import experiment_page
    from autoresearch_tui.store import open_reader

    with open_reader(_paths(study).database) as reader:
        found = reader.experiment(experiment)
        if found is None:
            raise StudyError(f"{experiment}: there is no such experiment; see `list`")
        runs = reader.runs_of(experiment)
    if as_json:
        click.echo(to_json({"experiment": found, "runs": runs}))
    else:
        click.echo("\n".join(experiment_page(found, runs)))


@cli.command()
@click.argument("experiment")
@_study_option
def diff(experiment: str, study: Path) -> None:
    """Print what an EXPERIMENT changes in its parent's files."""
    from autoresearch_tui.store import open_reader

    paths = _paths(study)
    with open_reader(paths.database) as reader:
        found = reader.experiment(experiment)
    if found is None:
        raise StudyError(f"{experiment}: there is no such experiment; see `list`")
    click.echo(_diff(paths, found), nl=False)


def _diff(paths: StudyPaths, experiment: Experiment) -> str:
    """What an experiment changes in its parent's files."""
    from autoresearch_tui.store import open_reader
    from autoresearch_tui.workspace import Workspace

    if experiment.commit is None:
        raise StudyError(f"{experiment.id}: was {experiment.status} before it became a commit")
    with open_reader(paths.database) as reader:
        parent = reader.experiment(experiment.parent) if experiment.parent else None
        base = reader.study().base_commit
    before = (parent.commit if parent else None) or base
    workspace = Workspace.open(paths.root, load_settings(paths.root).study, base)
    return workspace.diff(before, experiment.commit)


@cli.command()
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@_study_option
def logs(run: str, follow: bool, study: Path) -> None:
    """Print the output of a RUN, or of the newest run of an experiment."""
    from autoresearch_tui.report.logs import follow_log

    follow_log(_paths(study), run, follow=follow, write=lambda text: click.echo(text, nl=False))


@cli.command()
@click.option("-f", "--file", type=click.File("rb"), required=True, help="JSON; - for stdin.")
@_study_option
@_json_option
def propose(file: BinaryIO, study: Path, as_json: bool) -> None:
    """Propose an experiment: {"title", "hypothesis", "edits": [...]} as JSON."""
    from autoresearch_tui.code.proposals import proposal_from_json, proposal_to_object
    from autoresearch_tui.report.export import to_json

    proposal = proposal_from_json(file.read())
    answer = _request(study, "propose", **proposal_to_object(proposal))
    click.echo(to_json(answer) if as_json else _one_line(answer))


def _one_line(answer: object) -> str:
    found = cast(dict[str, str], answer)
    return f"{found['experiment']} {found['status']}"


@cli.command()
@click.argument("experiments", nargs=-1, required=True)
@_study_option
def approve(experiments: Sequence[str], study: Path) -> None:
    """Let proposed EXPERIMENTS run."""
    _request(study, "approve", experiments=list(experiments))


@cli.command()
@click.argument("experiments", nargs=-1, required=True)
@click.option("--why", default="", help="The researcher is told.")
@_study_option
def veto(experiments: Sequence[str], why: str, study: Path) -> None:
    """Refuse proposed or queued EXPERIMENTS."""
    _request(study, "veto", experiments=list(experiments), why=why)


@cli.command()
@_study_option
def pause(study: Path) -> None:
    """Start no further run."""
    _request(study, "pause")


@cli.command()
@_study_option
def resume(study: Path) -> None:
    """Go on after a pause."""
    _request(study, "resume")


@cli.command()
@click.argument("run")
@_study_option
def cancel(run: str, study: Path) -> None:
    """End a RUN, and its experiment with it."""
    _request(study, "cancel", run=run)


@cli.command()
@click.option("--now", is_flag=True, help="End the running runs too.")
@_study_option
def stop(now: bool, study: Path) -> None:
    """Let the running runs end, then finish the study."""
    _request(study, "stop", now=now)


@cli.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write JSON to this file.")
@_study_option
@_json_option
def report(output: Path | None, study: Path, as_json: bool) -> None:
    """Print the table of results, or the whole study as JSON."""
    from autoresearch_tui.report.export import study_object, to_json
    from autoresearch_tui.report.results import results_text
    from autoresearch_tui.store import open_reader

    with open_reader(_paths(study).database) as reader:
        if as_json or output is not None:
            text = to_json(study_object(reader)) + "\n"
        else:
            judged = reader.experiments((ExperimentStatus.JUDGED,))
            text = results_text(judged, {e.id: reader.runs_of(e.id) for e in judged})
    if output is not None:
        output.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)


@cli.command()
@_study_option
def doctor(study: Path) -> None:
    """Say what is installed, what is missing, and how to mend it."""
    from autoresearch_tui.doctor import checks

    is_well = True
    for check in checks(study):
        is_well = is_well and (check.ok or check.optional)
        mark = "ok" if check.ok else "-" if check.optional else "MISSING"
        click.echo(f"{mark:<8} {check.what:<14} {check.found}")
    sys.exit(0 if is_well else 1)


@contextlib.contextmanager
def _one_line_errors() -> Generator[None]:
    try:
        yield
    except AutoresearchError as error:
        _fail(str(error))
    except BaseExceptionGroup as group:
        _fail(_said(_first(group)))
    except (OSError, sqlite3.Error) as error:
        _fail(_said(error))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        inner = cast(BaseExceptionGroup[BaseException], error)
        error = inner.exceptions[0]
    return error


def _said(error: BaseException) -> str:
    if isinstance(error, AutoresearchError):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    if isinstance(error, sqlite3.Error):
        return f"the study's database: {error}; is the disk full?"
    return f"{type(error).__name__}: {error} (a defect; see .autoresearch/engine.log)"


def _fail(message: str) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(1)


def main() -> None:
    """Run the command line."""
    try:
        with _one_line_errors():
            cli.main(standalone_mode=True)
    except BrokenPipeError:
        os._exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
