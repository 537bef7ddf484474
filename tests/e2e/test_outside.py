"""A coding agent as the researcher: the MCP SDK's own client, and the command line alone."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

from autoresearch_tui.domain import ExperimentStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import call, command, make_study, stop, until

pytestmark = pytest.mark.e2e

AXES = [{"constant": "LR", "values": [0.05, 0.03]}, {"constant": "WIDTH", "values": [72, 88]}]
# On a parent of its own: it stays what it is when another one of it becomes the best.
GRID = {"title": "grid", "hypothesis": "they may interact", "axes": AXES, "parent": "e0001"}


def idea(constant: str, value: object) -> dict[str, object]:
    edit = {"file": "train.py", "constant": constant, "value": value}
    return {"title": f"{constant} {value}", "hypothesis": "why", "edits": [edit]}


@contextmanager
def unled(study: Path, *words: str) -> Generator[StudyPaths]:
    """A living study that nobody proposes to."""
    paths = StudyPaths(study)
    line = command(study, "--no-ui", "--researcher", "none", *words)
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as engine:
        try:
            until(lambda: judged(paths) >= 1, "the baseline")
            yield paths
            if engine.poll() is None:
                stop(study)
            assert engine.wait(60) == 0
        finally:
            engine.kill()


def judged(paths: StudyPaths) -> int:
    if not paths.socket.exists():
        return 0
    with open_reader(paths.database) as reader:
        return reader.judged()


@asynccontextmanager
async def agent(study: Path) -> AsyncIterator[Client]:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "autoresearch_tui", "mcp", "-C", str(study)]
    )
    who = types.Implementation(name="Some Coder", version="1")
    async with Client(server, client_info=who, read_timeout_seconds=120) as client:
        yield client


async def use(client: Client, tool: str, **given: Any) -> tuple[str, bool]:
    answer = await client.call_tool(tool, given)
    (block,) = answer.content
    assert isinstance(block, types.TextContent)
    return block.text, answer.is_error


async def test_an_agent_works_over_mcp_and_hears_the_operator(tmp_path: Path):
    study = make_study(tmp_path / "study")
    with unled(study) as paths:
        async with agent(study) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert {"propose", "log", "look_at_study", "wait_for_news"} <= tools.keys()
            assert tools["read"].input_schema["additionalProperties"] is False
            text, _ = await use(client, "look_at_study")
            assert "Make it better." in text
            assert "Wanted now: about" in text
            # What does not exist or does not fit is refused so that it can be mended.
            text, is_refused = await use(client, "propose", grids=[GRID])
            assert (is_refused, "grids: Extra inputs are not permitted" in text) == (True, True)
            text, is_refused = await use(client, "bash", command="ls")
            assert (is_refused, "there is no such tool" in text) == (True, True)
            text, is_refused = await use(client, "cancel", experiment="e0001")
            assert (is_refused, "is baseline's" in text) == (True, True), text
            await use(client, "say_aloud", text="I try both at once.")
            text, is_refused = await use(
                client, "propose", grid=GRID, experiments=[idea("LAYERS", 3)]
            )
            assert (is_refused, text.count("taken as")) == (False, 4), text
            assert "LAYERS 3: refused" in text
            news = ""
            while judged(paths) < 5:
                news += (await use(client, "wait_for_news", seconds=30))[0]
            assert news.count("grid: LR") >= 4, news
            assert call("say", "leave", "DEPTH", "alone", "-C", study).returncode == 0
            text, _ = await use(client, "query", sort="value")
            assert "operator says: leave DEPTH alone" in text
            # Once is enough.
            text, _ = await use(client, "query", sort="value")
            assert "leave DEPTH alone" not in text
            listed = (await client.list_resources()).resources
            for resource in listed:
                (content,) = (await client.read_resource(resource.uri)).contents
                assert isinstance(content, types.TextResourceContents)
                assert content.text or resource.name == "notepad"
            with pytest.raises(MCPError, match="known: instructions, incumbent"):
                await client.read_resource("autoresearch://secrets")
            stop(study)
            until(lambda: not paths.socket.exists(), "the engine's end")
            text, is_refused = await use(client, "look_at_study")
            assert (is_refused, "no engine is running for this study" in text) == (True, True)
    with open_reader(paths.database) as reader:
        found, turns, thoughts = reader.experiments(), reader.turns(), reader.thoughts()
    by_agent = [each for each in found if each.origin == "agent:some-coder"]
    statuses = [each.status for each in by_agent]
    assert statuses.count(ExperimentStatus.JUDGED) == 4
    assert statuses.count(ExperimentStatus.REJECTED) == 1
    assert len({each.wave for each in by_agent[:4]}) == 1
    assert {turn.researcher for turn in turns} == {"agent:some-coder"}
    assert all(turn.ended_at is not None for turn in turns)
    assert turns[0].admitted == 4
    assert "I try both at once.\n" in [each.text for each in thoughts if each.kind == "says"]


def test_an_agent_that_has_the_command_line_alone(tmp_path: Path):
    study = make_study(tmp_path / "study")
    listed = call("desk", "-C", study)
    assert "look_at_study: How the study stands" in listed.stdout
    assert "no engine is running" in call("desk", "look_at_study", "-C", study).stderr
    with unled(study, "--approval", "manual") as paths:

        def desk(tool: str, given: object = None, *words: str) -> tuple[str, int]:
            stdin = json.dumps(given or {})
            done = call("desk", tool, "-", "-C", study, *words, stdin=stdin)
            return done.stdout + done.stderr, done.returncode

        text, code = desk("propose", {"experiments": [idea("WIDTH", 72)]}, "--as", "coder")
        assert (code, "and waits for approval" in text) == (0, True), text
        name = text.split("taken as ")[1][:5]
        # It is nobody else's, whatever one calls oneself.
        assert "one may cancel one's own" in desk("cancel", {"experiment": name}, "--as", "x")[0]
        text, code = desk("cancel", {"experiment": name}, "--as", "llm\nx")
        assert (code, "as: a name has" in text) == (1, True)
        assert desk("compare", {"a": name}, "--as", "coder")[1] == 1
        assert "not JSON" in call("desk", "read", "{", "-C", study).stderr
        assert "not a JSON object" in call("desk", "read", "[]", "-C", study).stderr
        assert call("veto", name, "--why", "too narrow", "-C", study).returncode == 0
        text, _ = desk("wait_for_news", {"seconds": 30}, "--as", "coder")
        assert "vetoed too narrow" in text
    with open_reader(paths.database) as reader:
        assert {e.origin for e in reader.experiments()} == {"baseline", "agent:coder"}
