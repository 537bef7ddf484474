"""A whole study by a scripted language model: the program, the real client, a local API."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autoresearch_tui.domain import ExperimentStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.researchers.messages_api import Answer, Fails, Says, answered, messages_api, words
from tests.studies import call, command, make_study, until

pytestmark = pytest.mark.e2e

KEY = "sk-never-to-be-seen-again"


class Scripted:
    """Makes a grid, mends a refusal, then tries one value after another; fails now and then."""

    def __init__(self) -> None:
        self.number = 0
        self.heard = False
        self.has_failed = False

    def __call__(self, request: dict[str, Any]) -> Answer:
        self.heard = self.heard or "leave DEPTH alone" in words(request)
        if self.number > 3 and not self.has_failed:
            self.has_failed = True
            return Fails(529, "overloaded_error", retry_after="0")
        refused = [each for each in answered(request) if "refused" in each["content"]]
        if len(request["messages"]) == 1 and self.number == 0:
            self.number = 1
            axes = [
                {"constant": "LR", "values": [0.05, 0.03]},
                {"constant": "WIDTH", "values": [72, 88]},
            ]
            grid = {"title": "grid", "hypothesis": "they may interact", "axes": axes}
            wrong = idea("LAYERS", 3)
            return Says(
                [("propose", {"grid": grid, "experiments": [wrong]})], thinks="A grid first."
            )
        if refused:
            return Says([("propose", {"experiments": [idea("DROPOUT", 0.2)]})])
        if len(request["messages"]) == 1:
            self.number += 1
            value = round(0.29 - self.number / 100, 2)
            return Says([("propose", {"experiments": [idea("DROPOUT", value)]})], text="Lower.")
        return Says([("log", {"experiment": "e0002"}), ("wait_for_news", {})])


def idea(constant: str, value: object) -> dict[str, object]:
    edit = {"file": "train.py", "constant": constant, "value": value}
    return {"title": f"{constant} {value}", "hypothesis": "why", "edits": [edit]}


def test_a_study_by_a_language_model(tmp_path: Path):
    study, script = make_study(tmp_path / "study"), Scripted()
    paths = StudyPaths(study)
    with messages_api(script) as api:
        env = os.environ | {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": api.address}
        words = ("--no-ui", "--researcher", "llm", "--max-experiments", "12")
        output = tmp_path / "output"
        with (
            output.open("wb") as file,
            subprocess.Popen(command(study, *words), env=env, stdout=file, stderr=file) as engine,
        ):
            try:
                until(paths.socket.exists, "the engine's socket")
                assert call("say", "leave", "DEPTH", "alone", "-C", study).returncode == 0
                assert engine.wait(120) == 0, output.read_text()
            finally:
                engine.kill()
    with open_reader(paths.database) as reader:
        found, turns = reader.experiments(), reader.turns()
        thoughts, study_row = reader.thoughts(), reader.study()
    assert study_row.researcher == "llm"
    by_model = [each for each in found if each.origin == "llm"]
    judged = [each for each in by_model if each.status is ExperimentStatus.JUDGED]
    assert len(judged) >= 10
    (rejected,) = [each for each in by_model if each.status is ExperimentStatus.REJECTED]
    assert "LAYERS" in rejected.title
    assert script.heard
    assert script.has_failed
    assert study_row.spent_usd == pytest.approx(sum(turn.cost for turn in turns)) != 0
    kinds = {each.kind for each in thoughts}
    assert {"thinking", "says", "call", "answer", "usage", "trouble"} <= kinds
    # Nowhere in what the study keeps, and not in the environment of its runs.
    for path in (p for p in study.rglob("*") if p.is_file()):
        assert KEY.encode() not in path.read_bytes(), path
