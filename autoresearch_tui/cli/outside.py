"""Commands by which coding agents take part: the desk's tools, one by one or over MCP."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, cast

import click

from autoresearch_tui.cli.group import cli, paths_of, study_option
from autoresearch_tui.errors import ControlError

name_option = click.option("--as", "name", default="", help="What the agent is called.")


@cli.command()
@name_option
@study_option
def mcp(name: str, study: Path) -> None:
    """Serve the study to a coding agent over MCP, on standard input and output."""
    from autoresearch_tui.serve.mcp_server import serve_mcp

    asyncio.run(serve_mcp(paths_of(study), name))


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
