"""The numbers and words of the screen, as functions of a picture."""

import math
import os
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from textual.content import Content

from autoresearch_tui.control import process_lives
from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Judgement,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.health import Facts, Health, health
from autoresearch_tui.judge.usual import usual_range
from autoresearch_tui.spoken import duration, percent
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.experiments import ordered
from autoresearch_tui.tui.widgets.header import header_lines
from autoresearch_tui.tui.widgets.lines import _wrapped  # pyright: ignore[reportPrivateUsage]
from autoresearch_tui.tui.widgets.scatter import Plot, frame_of, plot_lines, points_of
from autoresearch_tui.tui.widgets.tiles import tile_lines
from autoresearch_tui.tui.words import Segment, fit
from tests.studies import until

NOW = 10_000.0


def study(**facts: object) -> Study:
    known: dict[str, object] = {
        "tag": "night",
        "repository": "/r",
        "base_commit": "c",
        "metric": "val_bpb",
        "minimize": True,
        "status": StudyStatus.RUNNING,
        "approval": ApprovalMode.AUTO,
        "created_at": 0.0,
        "started_at": NOW - 3600,
        "noise_sd": 0.01,
        "heartbeat_at": NOW - 1,
    }
    return Study(**{**known, **facts})  # type: ignore[arg-type]


def judged(number: int, value: float | None, *, best: bool = False, keep: bool = False):
    verdict = Verdict.KEEP if best or keep else Verdict.CRASH if value is None else Verdict.DISCARD
    return Experiment(
        f"e{number:04}",
        number,
        1,
        ExperimentStatus.JUDGED,
        f"change {number}",
        "why",
        "optimizer",
        0.0,
        parent=None if number == 1 else "e0001",
        verdict=verdict,
        value=value,
        accelerator="CPU",
        judged_at=NOW - 3000 + number,
        is_best=best,
    )


def run(name: str, start: float, end: float | None, cluster: str = "cpu-01") -> Run:
    status = RunStatus.RUNNING if end is None else RunStatus.SUCCEEDED
    return Run(
        name, name.split("-")[0], 1, status, 1, 0.0, cluster, "CPU", start, start, end, value=1.0
    )


def cluster(name: str) -> Cluster:
    return Cluster(name, "local", "CPU", ClusterStatus.UP, 0.0)


def view(**facts: object) -> View:
    experiments = (judged(1, 1.0, keep=True), judged(2, 0.9, best=True), judged(3, None))
    runs = {
        "e0001-r1": run("e0001-r1", NOW - 1000, NOW - 600),
        "e0002-r1": run("e0002-r1", NOW - 500, NOW - 100),
        "e0004-r1": run("e0004-r1", NOW - 100, None),
    }
    known: dict[str, object] = {
        "study": study(),
        "experiments": experiments,
        "runs": runs,
        "clusters": (cluster("cpu-01"),),
        "lives": ((NOW - 3600, NOW),),
    }
    return View(**{**known, **facts})  # type: ignore[arg-type]


def repeats(sd: float) -> dict[str, Run]:
    """Four results of the baseline around 1, and one of its rival."""
    offsets = (-1.34, -0.45, 0.45, 1.34)
    runs = {
        f"e0001-r{i}": replace(run(f"e0001-r{i}", NOW - 1000, NOW - 600), value=1 + sd * at / 1.154)
        for i, at in enumerate(offsets, 1)
    }
    return {**runs, "e0002-r1": replace(run("e0002-r1", NOW - 500, NOW - 100), value=0.9)}


@pytest.mark.parametrize(
    ("sd", "words", "style"),
    [
        (0.01, "gain ≥0.0737 (0.1000 measured)", "$success"),
        (0.06, "no gain beyond luck (0.1000 of 0.1579)", "$warning"),
    ],
)
def test_the_header_claims_only_what_luck_does_not_explain(sd: float, words: str, style: str):
    line = header_lines(view(runs=repeats(sd)), NOW, 120)[0]
    assert words in line.plain
    assert any(span.style == style for span in line.spans)


def two_types() -> View:
    """The baseline on both types, a better one on each; H200 reads lower for the same file."""
    base, first, second = judged(1, 1.0, keep=True), judged(2, 0.9, best=True), judged(3, 0.7)
    rows = (
        Judgement("e0001", "H100", Verdict.KEEP, 4, 1.0, None, "", NOW - 3000),
        Judgement("e0001", "H200", Verdict.KEEP, 4, 0.8, None, "", NOW - 2999),
        Judgement("e0002", "H100", Verdict.KEEP, 1, 0.9, 0.1, "", NOW - 2998, is_best=True),
        Judgement("e0003", "H200", Verdict.KEEP, 1, 0.7, 0.1, "", NOW - 2997, is_best=True),
        Judgement("e0004", "H100", Verdict.CRASH, 1, None, None, "", NOW - 2996),
    )
    h200 = replace(second, accelerator="H200", is_best=True)
    crash = replace(judged(4, None), accelerator="H100")
    four = (replace(base, accelerator="H200"), replace(first, accelerator="H100"), h200, crash)
    return view(experiments=four, judgements=rows)


def test_each_accelerator_type_has_its_best():
    shown = two_types()
    line = header_lines(shown, NOW, 160)[0].plain
    assert "H100 0.9000 e0002  gain 0.1000 measured" in line
    assert "H200 0.7000 e0003  gain 0.1000 measured" in line
    assert [leader.accelerator for leader in shown.leaders] == ["H100", "H200"]
    narrow = header_lines(shown, NOW, 80)[0]
    assert narrow.cell_length <= 80
    assert "H100 0.9000 e0002" in narrow.plain
    assert "H200 0.7000 e0003" in narrow.plain
    assert "val_bpb 0.9000 e0002" in header_lines(view(), NOW, 160)[0].plain


def test_the_running_best_of_one_type_is_not_drawn_to_anothers():
    points = points_of(two_types(), axis="order", chosen="e0001")
    assert points.y.tolist()[:4] == [1.0, 0.8, 0.9, 0.7]
    assert math.isnan(points.y[4])
    assert [points.sign(at) for at in range(5)] == ["●", "◆", "●", "◆", "●"]
    assert points.columns.is_keep.tolist() == [True, True, True, True, False]
    assert points.chosen_at == [0, 1]
    plot = Plot(points, frame_of(points, minimize=True), 40, 12)
    lines: list[tuple[int, int]] = []
    plot.canvas.line = lambda x, y, x2, y2, style: lines.append((y, y2))
    plot.draw()
    at = {value: int(plot.down(np.array(value))) for value in (1.0, 0.8, 0.9, 0.7)}
    assert lines == [(at[1.0], at[0.9]), (at[0.9],) * 2, (at[0.8], at[0.7]), (at[0.7],) * 2]


def test_the_header_says_when_the_noise_is_not_known():
    assert "0.1000 measured, noise unknown" in header_lines(view(), NOW, 120)[0].plain


def test_busy_is_the_share_of_the_time_since_the_first_run():
    assert view().busy(NOW) == pytest.approx(0.9)
    assert view(runs={}).busy(NOW) is None


def test_what_many_panes_ask_for_is_worked_out_once_a_second(monkeypatch: pytest.MonkeyPatch):
    asked: list[float] = []

    def counted(facts: Facts) -> Health:
        asked.append(facts.now)
        return health(facts)

    monkeypatch.setattr("autoresearch_tui.tui.view.health", counted)
    picture = view()
    first = [picture.health(NOW + at) for at in (0.0, 0.4, 0.9)]
    assert asked == [NOW]
    assert len(set(map(id, first))) == 1
    picture.health(NOW + 1.0)
    assert asked == [NOW, NOW + 1.0]
    shares = [picture.busy(NOW, name) for name in ("cpu-01", "another")]
    assert shares == [pytest.approx(0.9), None]


def test_a_silent_engine_is_an_alarm():
    text = header_lines(view(study=study(heartbeat_at=NOW - 60)), NOW, 120)[0].plain
    assert "DEAD: no engine for 1m00s, E starts one" in text
    assert view().silence(NOW) is None
    assert view(study=study(status=StudyStatus.FINISHED, heartbeat_at=1.0)).silence(NOW) is None


def test_an_engine_whose_end_nobody_has_asked_for_is_no_living_one():
    with subprocess.Popen(["true"]) as ended:
        until(lambda: not process_lives(ended.pid), "its end to be seen")
        assert ended.returncode is None
        assert process_lives(os.getpid())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_header_says_what_matters_at_every_width(width: int):
    lines = header_lines(view(), NOW, width)
    assert len(lines) == 3
    assert all(line.cell_length <= width for line in lines)
    assert "HEALTHY" in lines[0].plain
    assert "0.9000" in lines[0].plain
    assert "busy 90%" in lines[1].plain


def test_fit_leaves_out_the_least_important_first():
    parts = [Segment(2, Content("aaaa")), Segment(0, Content("bbbb")), Segment(1, Content("cccc"))]
    assert fit(parts, 14).plain == "aaaa  bbbb  cccc"[:0] + "bbbb  cccc"
    assert fit(parts, 16).plain == "aaaa  bbbb  cccc"


def test_words():
    assert [duration(s) for s in (5, 200, 25500, 190000)] == ["5s", "3m20s", "7h05m", "2d04h"]
    assert [percent(s) for s in (None, 0.5, 0.999, 1.0)] == ["–", "50%", "99%", "100%"]


def test_frame_ignores_outliers_but_not_good_results():
    values = [1.0, 1.01, 1.02, 1.0, 1.01, 0.9, 50.0]
    low, high = usual_range(values, minimize=True)
    assert low < 0.9
    assert high < 1.2
    assert usual_range([-value for value in values], minimize=False) == (-high, -low)


def test_a_crash_hides_no_result():
    found = view(
        experiments=(judged(1, 1.0, keep=True), judged(2, 0.9, best=True), judged(3, None))
    )
    lines = [x.plain for x in plot_lines(found, 60, 12, axis="order", chosen=None)]
    assert lines[-2].startswith("  crash│")
    assert "×" in lines[-2]
    assert "●" not in lines[-2]
    assert sum(line.count("●") for line in lines[:-2]) == 2


@pytest.mark.parametrize("width", [4, 7, 20, 33])
def test_wrapping_counts_cells_and_loses_no_word(width: int):
    text = "幅を広げる 🚀 wider is better, in cells rather than characters 幅を広げる幅を広げる"
    pieces = [piece for piece, _ in _wrapped(text, "", width)]
    assert all(cell_len(piece) <= width for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


def test_plot_marks_bests_crashes_and_the_chosen_one():
    picture = view()
    points = points_of(picture, axis="order", chosen="e0002")
    assert points.x.tolist() == [1.0, 2.0, 3.0]
    canvas = Plot(points, frame_of(points, minimize=True), 30, 8).draw()
    text = "\n".join("".join(piece for piece, _ in canvas.row(y)) for y in range(8))
    assert text.count("●") == 1
    assert text.count("◎") == 1
    assert text.count("×") == 1
    assert text.splitlines()[0].startswith("●")


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20, 4), (110, 30)])
def test_plot_fills_its_place(width: int, height: int):
    lines = plot_lines(view(), width, height, axis="time", chosen=None)
    assert len(lines) in (1, height)
    empty = plot_lines(view(experiments=()), 40, 10, axis="order", chosen=None)
    assert "no result yet" in empty[0].plain


@pytest.mark.parametrize("count", [1, 2, 8, 64])
@pytest.mark.parametrize("width", [60, 118, 198])
def test_tiles_keep_to_their_place(count: int, width: int):
    clusters = tuple(cluster(f"gpu-{i:02}") for i in range(count))
    lines = tile_lines(view(clusters=clusters), NOW, width, 9)
    assert all(line.cell_length <= width for line in lines)
    shown = "\n".join(line.plain for line in lines)
    if count <= 24:
        assert all(f"gpu-{i:02}" in shown for i in range(count))
    else:
        assert f"○ {count} idle" in shown or shown.count("○") >= width // 3


def test_list_begins_with_what_waits():
    proposed = Experiment("e0009", 9, 1, ExperimentStatus.PROPOSED, "t", "h", "o", 0.0, parent="e")
    queued = Experiment("e0008", 8, 1, ExperimentStatus.QUEUED, "t", "h", "o", 0.0, parent="e")
    found = ordered([*view().experiments, queued, proposed])
    assert [e.id for e in found] == ["e0009", "e0008", "e0003", "e0002", "e0001"]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_an_alarm_stands_first_at_every_width(width: int):
    alarm = "stalled: no run has ended for 3 times the usual 300 s"
    line = header_lines(view(study=study(alarm=alarm)), NOW, width)[2]
    assert line.plain.startswith("▲ no run has ended for 3 times the usual 300 s")
