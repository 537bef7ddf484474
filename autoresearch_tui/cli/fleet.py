"""Commands about the clusters of SkyPilot: a study's, and those that any study left up."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import click

from autoresearch_tui.backends.skypilot.registry import Launched, Registry
from autoresearch_tui.cli.acting import ask
from autoresearch_tui.cli.group import cli, json_option, study_option
from autoresearch_tui.errors import AutoresearchError, ConfigError, StudyError
from autoresearch_tui.paths import StudyPaths


@cli.command()
@click.argument("wanted", nargs=-1, required=True)
@study_option
def scale(wanted: Sequence[str], study: Path) -> None:
    """Have as many clusters as WANTED, such as H100=8; surplus ones finish what they run."""
    pairs: list[tuple[str, int]] = []
    for each in wanted:
        kind, _, count = each.rpartition("=")
        if not kind or not count.isdigit():
            raise ConfigError(f"scale: {each!r} is not understood; as in H100=8")
        pairs.append((kind, int(count)))
    for kind, count in pairs:
        ask(study, "scale", accelerators=kind, count=count)


@cli.command()
@click.argument("clusters", nargs=-1, required=True)
@study_option
def drain(clusters: Sequence[str], study: Path) -> None:
    """Have CLUSTERS finish what they run, and go."""
    for name in clusters:
        ask(study, "drain", cluster=name)


@cli.command()
@click.argument("clusters", nargs=-1, required=True)
@study_option
def replace(clusters: Sequence[str], study: Path) -> None:
    """Have CLUSTERS finish what they run and go, and others like them come."""
    for name in clusters:
        answer = ask(study, "replace", cluster=name)
        click.echo(f"{name}: replaced by {_field(answer, 'cluster')}")


@cli.command()
@click.argument("clusters", nargs=-1, required=True)
@study_option
def wake(clusters: Sequence[str], study: Path) -> None:
    """Bring CLUSTERS up again that went down idle, or try again what failed."""
    for name in clusters:
        ask(study, "wake", cluster=name)


@cli.command("clusters")
@click.option("--down", is_flag=True, help="Take down those whose study has no engine.")
@json_option
def list_clusters(down: bool, as_json: bool) -> None:
    """List the clusters that any study has launched and not given up."""
    registry = Registry()
    found = registry.all()
    if down:
        _take_down(registry, found)
        return
    if as_json:
        click.echo(json.dumps([asdict(each) | {"engine": has_engine(each)} for each in found]))
        return
    if not found:
        click.echo("no study has left a cluster up")
        return
    click.echo("\n".join(line_of(each) for each in found))
    click.echo(f"{len(found)} clusters, {_dollars(sum(each.price for each in found))} in all")


def _take_down(registry: Registry, found: Sequence[Launched]) -> None:
    from autoresearch_tui.backends.skypilot.sdk import Sdk, SkyError, Trouble

    sky = Sdk()
    failures: list[str] = []
    for each in found:
        if has_engine(each):
            click.echo(f"{each.name}: in use by the engine of {each.study}; left alone")
            continue
        try:
            sky.down(each.name)
        except SkyError as error:
            if error.trouble is not Trouble.ABSENT:
                failures.append(f"{each.name}: {error}")
                continue
        registry.remove(each.name)
        click.echo(f"{each.name}: down")
    if failures:
        raise StudyError("; ".join(failures))


def line_of(launched: Launched) -> str:
    """A cluster, what it costs and whose it is, on one line."""
    hours = (time.time() - launched.launched_at) / 3600
    state = "engine runs" if has_engine(launched) else "NO ENGINE"
    return (
        f"{launched.name:<16} {launched.accelerators:<8} {_dollars(launched.price):>10}  "
        f"launched {hours:.1f} h ago  {state}  {launched.study}"
    )


def has_engine(launched: Launched) -> bool:
    """Whether an engine looks after a cluster."""
    from autoresearch_tui.control import engine_lives
    from autoresearch_tui.store import open_reader

    try:
        with open_reader(StudyPaths(Path(launched.study)).database) as reader:
            return engine_lives(reader.study(), time.time())
    except AutoresearchError:
        return False


def _dollars(price: float) -> str:
    return f"${price:.2f}/h" if price else "price unknown"


def _field(answer: object, key: str) -> str:
    return str(cast(dict[str, object], answer)[key])
