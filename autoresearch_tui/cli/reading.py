"""Commands that only look."""

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autoresearch_tui.cli.group import cli, json_option, paths_of, study_option
from autoresearch_tui.config import load_settings
from autoresearch_tui.domain import Experiment, StudyStatus
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths

if TYPE_CHECKING:
    from autoresearch_tui.store import Reader

_WATCH_SECONDS = 1.0


@cli.command()
@study_option
@json_option
@click.option("--watch", is_flag=True, help="Say so again whenever the word or a best changes.")
def status(study: Path, as_json: bool, watch: bool) -> None:
    """Say how the study is doing."""
    from autoresearch_tui.report.export import status_object, to_json
    from autoresearch_tui.report.standing import standing
    from autoresearch_tui.report.text import status_lines
    from autoresearch_tui.store import open_reader

    with open_reader(paths_of(study).database) as reader:
        if watch:
            _watch(reader)
            return
        if as_json:
            click.echo(to_json(status_object(reader)))
            return
        now = time.time()
        click.echo("\n".join(status_lines(standing(reader, now), now)))


def _watch(reader: "Reader") -> None:
    """Plain lines for screen readers and logs, until the study is finished."""
    from autoresearch_tui.report.standing import standing
    from autoresearch_tui.report.text import watch_line

    said = ""
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            now = time.time()
            stands = standing(reader, now)
            if (line := watch_line(stands)) != said:
                said = line
                click.echo(f"{time.strftime('%H:%M:%S', time.localtime(now))}  {line}")
            if stands.study.status is StudyStatus.FINISHED:
                return
            time.sleep(_WATCH_SECONDS)


@cli.command("list")
@study_option
@json_option
def list_experiments(study: Path, as_json: bool) -> None:
    """List the experiments."""
    from autoresearch_tui.report.export import to_json
    from autoresearch_tui.report.text import experiment_table
    from autoresearch_tui.store import open_reader

    with open_reader(paths_of(study).database) as reader:
        found = reader.experiments()
    click.echo(to_json(found) if as_json else "\n".join(experiment_table(found)))


@cli.command()
@click.argument("experiment")
@study_option
@json_option
def show(experiment: str, study: Path, as_json: bool) -> None:
    """Show all there is to say of an EXPERIMENT."""
    from autoresearch_tui.report.export import to_json
    from autoresearch_tui.report.text import experiment_page
    from autoresearch_tui.store import open_reader

    with open_reader(paths_of(study).database) as reader:
        found = reader.experiment(experiment)
        if found is None:
            raise StudyError(f"{experiment}: there is no such experiment; see `list`")
        runs, judgements = reader.runs_of(experiment), reader.judgements(experiment)
    if as_json:
        click.echo(to_json({"experiment": found, "runs": runs, "judgements": judgements}))
    else:
        click.echo("\n".join(experiment_page(found, runs, judgements)))


@cli.command()
@click.argument("experiment")
@study_option
def diff(experiment: str, study: Path) -> None:
    """Print what an EXPERIMENT changes in its parent's files."""
    from autoresearch_tui.store import open_reader

    paths = paths_of(study)
    with open_reader(paths.database) as reader:
        found = reader.experiment(experiment)
    if found is None:
        raise StudyError(f"{experiment}: there is no such experiment; see `list`")
    click.echo(diff_text(paths, found), nl=False)


def diff_text(paths: StudyPaths, experiment: Experiment) -> str:
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
@study_option
def logs(run: str, follow: bool, study: Path) -> None:
    """Print the output of a RUN, of an experiment's newest run, or of the `setup`."""
    from autoresearch_tui.report.run_log import follow_log

    follow_log(paths_of(study), run, follow=follow, write=lambda text: click.echo(text, nl=False))


@cli.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write JSON to this file.")
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write a page to share.")
@click.option("--png", "picture", type=click.Path(path_type=Path), help="Write its charts.")
@study_option
@json_option
def report(
    output: Path | None, page: Path | None, picture: Path | None, study: Path, as_json: bool
) -> None:
    """Print the table of results, or the whole study as JSON; write it as a page or a picture."""
    if page is not None or picture is not None:
        _share(paths_of(study), page, picture)
        return
    from autoresearch_tui.report.export import study_object, to_json
    from autoresearch_tui.report.results import result_lines
    from autoresearch_tui.store import open_reader

    with open_reader(paths_of(study).database) as reader:
        if as_json or output is not None:
            text = to_json(study_object(reader)) + "\n"
        else:
            text = "".join(result_lines(reader.results(), len(reader.judged_accelerators())))
    if output is not None:
        output.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)


def _share(paths: StudyPaths, where: Path | None, picture: Path | None) -> None:
    from autoresearch_tui.report.chart import to_image
    from autoresearch_tui.report.page import charts, page, read_facts
    from autoresearch_tui.store import open_reader

    with open_reader(paths.database) as reader:
        facts = read_facts(reader)
    if where is not None:
        margin = load_settings(paths.root).judge.keep_margin_sd
        text = page(facts, lambda experiment: diff_text(paths, experiment), margin)
        where.write_text(text, encoding="utf-8")
        click.echo(f"{where}: {len(text):,} characters")
    if picture is not None:
        drawn = charts(facts)
        if not drawn:
            raise StudyError("nothing has been measured yet that could be drawn")
        to_image(drawn).save(picture, "PNG")
        click.echo(f"{picture}: {len(drawn)} charts")


@cli.command()
@study_option
@json_option
@click.option("--infra", is_flag=True, help="Ask SkyPilot which infrastructure it can use.")
@click.option("--fix", is_flag=True, help="End what a dead API server of SkyPilot's left behind.")
def doctor(study: Path, as_json: bool, infra: bool, fix: bool) -> None:
    """Say what is installed, what is missing, and how to mend it."""
    from autoresearch_tui.doctor import checks, fixes
    from autoresearch_tui.report.export import to_json

    for done in fixes() if fix else ():
        click.echo(done)
    found = list(checks(study, infra=infra))
    is_well = all(check.ok or check.optional for check in found)
    if as_json:
        click.echo(to_json(found))
    for check in () if as_json else found:
        mark = "ok" if check.ok else "-" if check.optional else "MISSING"
        click.echo(f"{mark:<8} {check.what:<14} {check.found}")
    sys.exit(0 if is_well else 1)
