"""Commands that ask the engine to act."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

import click

from autoresearch_tui.cli.group import (
    cli,
    json_option,
    paths_of,
    study_option,
)


def ask(study: Path, do: str, **args: object) -> object:
    """What the engine of a study answers to a request."""
    from autoresearch_tui.control import request

    return asyncio.run(request(paths_of(study), do, args))


@cli.command()
@click.option("-f", "--file", type=click.File("rb"), required=True, help="JSON; - for stdin.")
@study_option
@json_option
def propose(file: BinaryIO, study: Path, as_json: bool) -> None:
    """Propose an experiment: {"title", "hypothesis", "edits": [...]} as JSON."""
    from autoresearch_tui.code.proposals import proposal_from_json, proposal_to_object
    from autoresearch_tui.report.export import to_json

    proposal = proposal_from_json(file.read())
    answer = ask(study, "propose", **proposal_to_object(proposal))
    click.echo(to_json(answer) if as_json else _one_line(answer))


def _one_line(answer: object) -> str:
    found = cast(dict[str, str], answer)
    return f"{found['experiment']} {found['status']}"


@cli.command()
@click.argument("experiments", nargs=-1, required=True)
@study_option
def approve(experiments: Sequence[str], study: Path) -> None:
    """Let proposed EXPERIMENTS run."""
    ask(study, "approve", experiments=list(experiments))


@cli.command()
@click.argument("experiment")
@study_option
def accept(experiment: str, study: Path) -> None:
    """Keep an EXPERIMENT whose result was too good to be believed."""
    ask(study, "accept", experiment=experiment)


@cli.command()
@click.argument("experiments", nargs=-1, required=True)
@click.option("--why", default="", help="The researcher is told.")
@study_option
def veto(experiments: Sequence[str], why: str, study: Path) -> None:
    """Refuse proposed or queued EXPERIMENTS."""
    ask(study, "veto", experiments=list(experiments), why=why)


@cli.command()
@study_option
def pause(study: Path) -> None:
    """Start no further run."""
    ask(study, "pause")


@cli.command()
@study_option
def resume(study: Path) -> None:
    """Go on after a pause."""
    ask(study, "resume")


@cli.command()
@click.argument("run")
@study_option
def cancel(run: str, study: Path) -> None:
    """End a RUN, and its experiment with it."""
    ask(study, "cancel", run=run)


@cli.command()
@click.option("--now", is_flag=True, help="End the running runs too.")
@study_option
def stop(now: bool, study: Path) -> None:
    """Let the running runs end, then finish the study."""
    ask(study, "stop", now=now)
