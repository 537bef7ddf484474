"""A whole study by a scripted language model: the program, the real client, a local API."""

import asyncio
import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from autoresearch_tui.control import request
from autoresearch_tui.domain import Experiment, ExperimentStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.researchers.messages_api import Answer, Fails, Says, answered, messages_api, words
from tests.studies import call, command, make_study, until

pytestmark = pytest.mark.e2e

KEY = "sk-never-to-be-seen-again"


class Scripted:
    """Makes a grid, mends a refusal, reads logs, obeys; fails now and then.

    It would turn DEPTH in every fourth proposal and come back to a WIDTH of 72, if it were let.
    """

    def __init__(self) -> None:
        self.number = 0
        self.is_steered = self.is_vetoed = self.has_failed = False
        self.logs: list[str] = []

    def __call__(self, request: dict[str, Any]) -> Answer:
        self.is_steered = self.is_steered or "leave DEPTH alone" in words(request)
        self.is_vetoed = self.is_vetoed or "vetoed too narrow" in words(request)
        answers = [each["content"] for each in answered(request)]
        self.logs += [text for text in answers if "the output of" in text]
        if self.number > 3 and not self.has_failed:
            self.has_failed = True
            return Fails(529, "overloaded_error", retry_after="0")
        if any("refused as" in text for text in answers):
            return Says([("propose", {"experiments": [idea("DROPOUT", 0.2)]})])
        if len(request["messages"]) > 1:
            return Says([("log", {"experiment": "e0001", "grep": "val_bpb"})] * (not self.logs))
        self.number += 1
        if self.number == 1:
            axes = [
                {"constant": "LR", "values": [0.05, 0.03]},
                {"constant": "WIDTH", "values": [72, 88]},
            ]
            grid = {"title": "grid", "hypothesis": "they may interact", "axes": axes}
            wave = {"grid": grid, "experiments": [idea("LAYERS", 3)]}
            return Says([("propose", wave)], thinks="A grid first.")
        return Says([("propose", {"experiments": self._wave()})], text="Lower, step by step.")

    def _wave(self) -> list[dict[str, object]]:
        first = 4 * self.number
        wave = [idea("DROPOUT", round(0.29 - (first + at) / 1000, 3)) for at in range(4)]
        if not self.is_steered:
            wave[0] = idea("DEPTH", 4 + self.number)
        if not self.is_vetoed:
            wave[1] = idea("WIDTH", 72)
        return wave


def idea(constant: str, value: object) -> dict[str, object]:
    edit = {"file": "train.py", "constant": constant, "value": value}
    return {"title": f"{constant} {value}", "hypothesis": "why", "edits": [edit]}


def proposed(paths: StudyPaths) -> list[Experiment]:
    with open_reader(paths.database) as reader:
        found = reader.experiments()
    return [each for each in found if each.status is ExperimentStatus.PROPOSED]


def steer(study: Path, paths: StudyPaths) -> None:
    """What the operator does: speaks, refuses two of the grid with a reason, lets the rest run."""
    until(paths.socket.exists, "the engine's socket")
    assert call("say", "leave", "DEPTH", "alone", "-C", study).returncode == 0
    until(lambda: len(proposed(paths)) >= 4, "the grid")
    narrow = [each.id for each in proposed(paths) if "WIDTH 72" in each.title]
    assert call("veto", *narrow, "--why", "too narrow", "-C", study).returncode == 0
    asyncio.run(request(paths, "approval", {"mode": "auto"}))


def test_a_study_by_a_language_model(tmp_path: Path):
    study, script = make_study(tmp_path / "study"), Scripted()
    paths = StudyPaths(study)
    words = ("--no-ui", "--researcher", "llm", "--approval", "manual", "--max-experiments", "60")
    output = tmp_path / "output"
    with messages_api(script) as api, output.open("wb") as file:
        env = os.environ | {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": api.address}
        line = command(study, *words)
        with subprocess.Popen(line, env=env, stdout=file, stderr=file) as engine:
            try:
                steer(study, paths)
                assert engine.wait(240) == 0, output.read_text()
            finally:
                engine.kill()
    with open_reader(paths.database) as reader:
        found, turns = reader.experiments(), reader.turns()
        thoughts, study_row = reader.thoughts(limit=-1), reader.study()
        events = reader.events()
    by_model = [each for each in found if each.origin == "llm"]
    by_status = Counter(each.status for each in by_model)
    assert by_status[ExperimentStatus.JUDGED] >= 55, by_status
    assert by_status[ExperimentStatus.VETOED] == 2
    rejected = [each for each in by_model if each.status is ExperimentStatus.REJECTED]
    assert "LAYERS" in rejected[0].title
    assert script.is_steered
    assert script.is_vetoed
    assert script.has_failed
    assert "val_bpb: 1." in script.logs[0]
    # From the turn on at whose beginning it was told, it has obeyed.
    began = {turn.id: turn.started_at for turn in turns}
    for kind, title in (("operator.said", "DEPTH"), ("experiment.vetoed", "WIDTH 72")):
        told_at = min(event.time for event in events if event.kind == kind)
        after = [each.title for each in by_model if began[each.turn or 0] > told_at]
        assert len(after) > 40
        assert not [each for each in after if each.startswith(title)]
    assert study_row.researcher == "llm"
    assert study_row.spent_usd == pytest.approx(sum(turn.cost for turn in turns)) != 0
    kinds = {each.kind for each in thoughts}
    assert {"thinking", "says", "call", "answer", "usage", "trouble"} <= kinds
    assert "A grid first." in call("turns", "1", "-C", study).stdout
    told = json.loads(call("researchers", "--json", "-C", study).stdout)
    assert {each["origin"]: each["talk_cost"] for each in told}["llm"] == pytest.approx(
        study_row.spent_usd
    )
    # Nowhere in what the study keeps, and not in the environment of its runs.
    for path in (p for p in study.rglob("*") if p.is_file()):
        assert KEY.encode() not in path.read_bytes(), path
