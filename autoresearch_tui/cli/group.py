"""What the commands share: their group, options, and how a study is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from autoresearch_tui import __version__
from autoresearch_tui.config import Settings, load_settings, parse_clusters, with_overrides
from autoresearch_tui.domain import ApprovalMode
from autoresearch_tui.errors import ConfigError, StudyError
from autoresearch_tui.paths import StudyPaths

Command = TypeVar("Command", bound=Callable[..., Any])


_ORDER = (
    *("open", "engine", "init", "status", "list", "show", "diff", "logs", "report"),
    *("propose", "approve", "veto", "accept", "pause", "resume", "cancel", "stop"),
    *("replay", "researchers", "turns", "say", "notepad", "desk", "mcp", "serve"),
    *("scale", "drain", "replace", "wake", "clusters", "doctor"),
)


class Commands(click.Group):
    """A group whose first word may be a directory: the study to open."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `autoresearch-tui [STUDY] …` as `autoresearch-tui open [STUDY] …`."""
        if args[:1] in (["-C"], ["--study"]) and len(args) > 2:
            # Given before the command, as git and make take it.
            args = [args[2], *args[:2], *args[3:]]
        is_ours = bool(args) and (args[0] in self.commands or args[0] in ("--help", "--version"))
        return super().parse_args(ctx, args if is_ours else ["open", *args])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which one meets them."""
        return sorted(self.commands, key=_ORDER.index)


@click.group(cls=Commands)
@click.version_option(__version__)
def cli() -> None:
    """Watch, steer and trust a search for a better train.py.

    `autoresearch-tui [STUDY]` opens the study in the directory STUDY (default: this one), and
    starts its engine when none runs.
    """


_MODES = [mode.value for mode in ApprovalMode]


def limit_options(command: Command) -> Command:
    """Give a command the options that limit a study."""
    options = [
        click.option("--max-experiments", type=click.IntRange(1), help="End after so many."),
        click.option("--max-hours", type=float, help="End after so many hours."),
        click.option("--budget-usd", type=float, help="End after so many dollars."),
        click.option("--slots", type=click.IntRange(1), help="Runs at a time on this machine."),
        click.option("--clusters", help="Clusters through SkyPilot: 13xH100,3xH200, or 16."),
        click.option("--infra", help="Where --clusters are: k8s, slurm, aws, ssh/pool and so on."),
        click.option("--image", help="In place of the task's image_id; `none` for none."),
        click.option("--use", help="Clusters that are up already, by name: gpu-01,gpu-02."),
        click.option("--approval", type=click.Choice(_MODES), help="Approval mode."),
        click.option(
            "--researcher",
            metavar="KIND",
            help="auto, optimizer, llm, hybrid, none, or several: llm,llm:sceptic,optimizer.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


task_option = click.option(
    "--accept-task", is_flag=True, help="Go on though the task changed since the last runs."
)

_KEYS = {
    "max_experiments": "limits.max_experiments",
    "max_hours": "limits.max_hours",
    "budget_usd": "limits.budget_usd",
    "slots": "local.slots",
    "clusters": "skypilot.clusters",
    "use": "skypilot.use",
    "approval": "approval.mode",
    "researcher": "researcher.kind",
}


def settings_of(root: Path, options: dict[str, object]) -> tuple[Settings, frozenset[str]]:
    """The settings of a study under the options of the command line, and which those gave."""
    options = dict(options)
    infra, image = (cast(str | None, options.get(name)) for name in ("infra", "image"))
    if isinstance(clusters := options.get("clusters"), str):
        groups = parse_clusters(clusters, infra, image)
        options["clusters"] = [group.model_dump() for group in groups]
    elif infra or image:
        raise ConfigError("--infra and --image go with --clusters: `--clusters 16 --infra k8s`")
    if isinstance(use := options.get("use"), str):
        options["use"] = [name.strip() for name in use.split(",")]
    given = {key: options[name] for name, key in _KEYS.items() if options.get(name) is not None}
    return with_overrides(load_settings(root), given), frozenset(given)


def words_of(options: dict[str, object]) -> list[str]:
    """The options as they would be typed."""
    found = (
        (name.replace("_", "-"), value) for name, value in options.items() if value is not None
    )
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in found]


study_argument = click.argument("study", type=click.Path(path_type=Path), default=".")
study_option = click.option(
    "-C", "--study", type=click.Path(path_type=Path), default=".", help="The study's directory."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def paths_of(study: Path) -> StudyPaths:
    """Where a study keeps its state.

    Raises:
        StudyError: there is no such directory.
    """
    root = study.expanduser().resolve()
    if not root.is_dir():
        raise StudyError(f"{study}: no such directory; `autoresearch-tui init {study}` makes one")
    return StudyPaths(root)
