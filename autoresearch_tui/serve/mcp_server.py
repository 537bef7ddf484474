"""The desk over MCP, so that any coding agent can be the researcher of a study.

A process of the agent's own, which talks to it by its standard streams and to the engine by the
engine's socket; see https://modelcontextprotocol.io. What it may do, the engine decides.
"""

import re
from importlib.metadata import version
from typing import Any, cast

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from autoresearch_tui.control import request
from autoresearch_tui.errors import ControlError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researchers.briefing import RULES
from autoresearch_tui.researchers.tool_inputs import OUTSIDE_TOOLS, described

CALL_SECONDS = 660.0
"""That a call may take: a wait for news is the longest."""

_SCHEME = "autoresearch://"

_RESOURCES = {
    "instructions": ("text/markdown", "The research brief, written by the operator."),
    "incumbent": ("text/plain", "The editable files of the best experiment."),
    "table": ("text/plain", "The most telling experiments, a line each."),
    "notepad": ("text/markdown", "What operator and researchers have learned."),
}

Context = Any


async def serve_mcp(paths: StudyPaths, name: str = "") -> None:
    """Serve a study until the client hangs up; `name` is what the agent is called there.

    Without one the agent is called what its client says of itself.
    """
    desk = _Desk(paths, name)
    server = Server[Any](
        "autoresearch-tui",
        version=version("autoresearch-tui"),
        instructions=f"{RULES}\nBegin with `look_at_study`.",
        on_list_tools=desk.tools,
        on_call_tool=desk.call,
        on_list_resources=desk.resources,
        on_read_resource=desk.read,
    )
    async with stdio_server() as (reads, writes):
        await server.run(reads, writes, server.create_initialization_options())


class _Desk:
    """What the agent asks, handed on to the engine."""

    def __init__(self, paths: StudyPaths, name: str) -> None:
        self._paths = paths
        self._name = name

    async def tools(self, context: Context, asked: object) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[types.Tool.model_validate(_camel(each)) for each in described(OUTSIDE_TOOLS)]
        )

    async def call(
        self, context: Context, asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        given = asked.arguments or {}
        try:
            answer = await self._ask(context, "tool", tool=asked.name, input=given)
        except ControlError as error:
            return _result(str(error), is_error=True)
        return _result(answer["text"], is_error=answer["refused"])

    async def resources(self, context: Context, asked: object) -> types.ListResourcesResult:
        return types.ListResourcesResult(
            resources=[
                types.Resource(
                    uri=f"{_SCHEME}{name}", name=name, mime_type=kind, description=description
                )
                for name, (kind, description) in _RESOURCES.items()
            ]
        )

    async def read(
        self, context: Context, asked: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        name = asked.uri.removeprefix(_SCHEME)
        try:
            answer = await self._ask(context, "resource", name=name)
        except ControlError as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        kind = _RESOURCES[name][0]
        text = types.TextResourceContents(uri=asked.uri, mime_type=kind, text=answer["text"])
        return types.ReadResourceResult(contents=[text])

    async def _ask(self, context: Context, do: str, **args: object) -> dict[str, Any]:
        name = self._name or _called(context)
        answer = await request(self._paths, do, {**args, "as": name}, CALL_SECONDS)
        return cast(dict[str, Any], answer)


def _called(context: Context) -> str:
    """What a client says of itself, as far as it can be a name."""
    params = context.session.client_params
    said = params.client_info.name if params is not None else ""
    return re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")[:32].rstrip("-")


def _camel(tool: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": tool["name"],
        "description": tool["description"],
        "inputSchema": tool["input_schema"],
    }


def _result(text: str, *, is_error: bool) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], is_error=is_error
    )
