"""The page and the picture that people share."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.report.chart import Chart, Series, ticks, to_image, to_svg
from autoresearch_tui.report.page import by_chance, charts, page, read_facts
from autoresearch_tui.simulation.study import Sampler
from autoresearch_tui.store import open_reader
from tests.simulation.night import Night


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyPaths:
    directory = tmp_path_factory.mktemp("night")
    Night(directory, [Sampler(1)], {"limits": {"max_hours": 2.0}}).run().close()
    return StudyPaths(directory)


class Elements(HTMLParser):
    """What a page is made of, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_everything_and_fetches_nothing(study: StudyPaths):
    with open_reader(study.database) as reader:
        facts = read_facts(reader)
        kept = [row for row in facts.rows if row.verdict == "keep"]

    def diff(experiment: object) -> str:
        return "--- a\n+++ b\n@@ -1 +1 @@\n-LR = 1\n+LR = <script>alert(1)</script>\n"

    made = Elements()
    text = page(facts, diff, 0.5)
    made.feed(text)
    assert made.fetched == []
    assert "script" not in made.tags
    assert made.tags.count("svg") == 2
    assert made.tags.count("details") == len(kept)
    assert "alert(1)" in made.text
    for leader in facts.leaders:
        assert leader.claim is not None
        assert leader.claim.words in made.text
        assert f"{leader.best.value:.6f}" in made.text
    assert re.search(
        r"had nothing that was tried mattered, about \d+ would have been kept", made.text
    )
    assert f"{len({row.experiment for row in facts.rows})} experiments judged" in made.text
    assert f"${facts.study.spent_usd:.2f}" in made.text
    assert text.count("<circle") == sum(row.value is not None for row in facts.rows)


def test_a_diff_that_cannot_be_read_says_why(study: StudyPaths):
    with open_reader(study.database) as reader:
        facts = read_facts(reader)

    def diff(experiment: object) -> str:
        raise StudyError("git is gone")

    assert "git is gone" in page(facts, diff, 0.5)


def test_what_chance_alone_would_keep(study: StudyPaths):
    with open_reader(study.database) as reader:
        facts = read_facts(reader)
    none, half, strict = (by_chance(facts, margin) for margin in (0.0, 0.5, 3.0))
    assert none is not None
    assert half is not None
    assert strict is not None
    tried = sum(row.experiment != "e0001" for row in facts.rows)
    assert none == pytest.approx(tried / 2)
    assert half == pytest.approx(tried * 0.3618, rel=1e-3)
    assert strict < half / 10


def test_the_sequential_line_is_longer_by_what_ran_beside(study: StudyPaths):
    with open_reader(study.database) as reader:
        facts = read_facts(reader)
    here, alone, *_ = charts(facts)[1].series
    assert (here.name, alone.name, alone.is_dashed) == ("H100", "H100 one by one", True)
    # Three clusters of that type were busy.
    assert alone.points[-1][0] / here.points[-1][0] == pytest.approx(3.0, rel=0.1)


def test_the_picture(study: StudyPaths, tmp_path: Path):
    with open_reader(study.database) as reader:
        drawn = charts(read_facts(reader))
    image = to_image(drawn)
    assert image.size == (1720, 1440)
    colours = {colour for _, colour in image.getcolors(1_000_000) or ()}
    assert {(0x2F, 0x85, 0x5A), (0x2B, 0x6C, 0xB0), (0xA0, 0xA7, 0xB1)} <= colours


def test_a_study_without_results_has_no_chart(tmp_path: Path):
    Night(tmp_path, [Sampler(1)], {"limits": {"max_hours": 0.02}}).run().close()
    with open_reader(StudyPaths(tmp_path).database) as reader:
        facts = read_facts(reader)
    assert charts(facts) == []
    assert "Nothing has been measured yet" in page(facts, str, 0.5)


@given(st.floats(-1e6, 1e6), st.floats(1e-5, 1e5))
def test_ticks_are_round_few_and_inside(low: float, share: float):
    span = max(abs(low), 1.0) * share
    found = ticks(low, low + span)
    assert len(found) <= 7
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)
    assert found == sorted(set(found))


def test_a_chart_of_one_point_and_of_equal_values():
    for points in ([(1.0, 2.0)], [(0.0, 1.0), (1.0, 1.0)], []):
        chart = Chart("t", "x", [Series("a", "#000000", points)])
        assert to_svg(chart).count("<circle") == len(points)
        to_image([chart])
