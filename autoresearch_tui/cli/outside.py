"""Commands by which coding agents take part: the desk's tools, one by one or over MCP."""

import asyncio
import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Any, cast

import click

from autoresearch_tui.cli.group import cli, paths_of, study_argument, study_option
from autoresearch_tui.errors import ControlError, StudyError
from autoresearch_tui.paths import StudyPaths

name_option = click.option("--as", "name", default="", help="What the agent is called.")


@cli.command()
@name_option
@study_option
def mcp(name: str, study: Path) -> None:
    """Serve the study to a coding agent over MCP, on standard input and output."""
    from autoresearch_tui.serve.mcp_server import serve_mcp

    asyncio.run(serve_mcp(paths_of(study), name))


@cli.command()
@study_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for all addresses.")
@click.option("--port", type=click.IntRange(0, 65535), default=8022, show_default=True)
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    default="~/.config/autoresearch-tui/authorized_keys",
    show_default=True,
    help="Who may come in: lines `[viewer|operator] ssh-ed25519 AAAA… name`.",
)
def serve(study: Path, host: str, port: int, keys: Path) -> None:
    """Open the cockpit of a STUDY to others over SSH."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    paths = paths_of(study)
    if not paths.database.exists():
        raise StudyError(f"{paths.root}: no study here yet; `autoresearch-tui` starts one")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(paths, host, port, keys.expanduser()))


async def _serve(paths: StudyPaths, host: str, port: int, keys: Path) -> None:
    from autoresearch_tui.serve.ssh_server import CockpitServer

    acceptor = await CockpitServer(paths, keys).listen(host, port)
    async with acceptor:
        click.echo(f"ssh -p {acceptor.get_port()} {host} opens the cockpit; Ctrl-C ends this")
        await acceptor.wait_closed()


@cli.command()
@click.argument("tool", required=False)
@click.argument("given", metavar="[JSON]", required=False)
@name_option
@study_option
def desk(tool: str | None, given: str | None, name: str, study: Path) -> None:
    """Use a TOOL of the researchers' desk; without one, list them.

    JSON is what the tool takes; `-` reads it from standard input.
    """
    from autoresearch_tui.researchers.tool_inputs import OUTSIDE_TOOLS, described

    if tool is None:
        click.echo("\n\n".join(map(_told, described(OUTSIDE_TOOLS))))
        return
    answer = asyncio.run(_call(study, tool, _object(given), name))
    click.echo(answer["text"])
    if answer["refused"]:
        sys.exit(1)


async def _call(study: Path, tool: str, given: dict[str, object], name: str) -> dict[str, Any]:
    from autoresearch_tui.control import request

    args = {"tool": tool, "input": given, "as": name}
    # A wait for news takes as long as it is told to.
    return cast(dict[str, Any], await request(paths_of(study), "tool", args, 660.0))


def _object(given: str | None) -> dict[str, object]:
    text = sys.stdin.read() if given == "-" else given or "{}"
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ControlError("not a JSON object: a tool takes fields by their names")
    return cast(dict[str, object], found)


def _told(tool: dict[str, Any]) -> str:
    schema = json.dumps(tool["input_schema"], ensure_ascii=False)
    return f"{tool['name']}: {tool['description']}\n  {schema}"
