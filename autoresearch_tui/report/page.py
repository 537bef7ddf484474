"""The report that people share: one page with everything in it, or its charts as a picture."""

import html
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from autoresearch_tui.domain import Experiment, Judgement, Noise, Run, RunStatus, Study, Verdict
from autoresearch_tui.errors import AutoresearchError
from autoresearch_tui.judge.claim import Leader, leaders, measured, noise_by_kind, verdict_rows
from autoresearch_tui.judge.usual import usual_range
from autoresearch_tui.judge.yields import Yield, yields
from autoresearch_tui.report.chart import Chart, Point, Series, to_svg
from autoresearch_tui.store import Reader
from autoresearch_tui.usage import spent

_COLOURS = ("#2f855a", "#2b6cb0", "#b7791f", "#805ad5")
_GREY, _RED = "#a0a7b1", "#c53030"
_Z = 1.96
_MOST_DIFF = 20_000

Diff = Callable[[Experiment], str]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the report is made of."""

    study: Study
    experiments: Sequence[Experiment]
    rows: Sequence[Judgement]
    runs: Sequence[Run]
    leaders: Sequence[Leader]
    noise: dict[str, Noise]
    yields: Sequence[Yield]
    hours: float
    tokens: int

    @property
    def kinds(self) -> list[str]:
        """The accelerator types."""
        return sorted({row.accelerator for row in self.rows})


def read_facts(reader: Reader) -> Facts:
    """Read a study."""
    with reader.snapshot():
        study, experiments, runs = reader.study(), reader.experiments(), reader.runs()
        rows = verdict_rows(experiments, reader.judgements(), study.task_since)
        turns = reader.turns(0, 1_000_000)
    baselines, results = {e.id for e in experiments if e.is_baseline}, measured(runs)
    return Facts(
        study,
        experiments,
        rows,
        runs,
        leaders(rows, baselines, results, minimize=study.minimize),
        dict(noise_by_kind(results)),
        yields(experiments, runs, turns),
        sum(run.seconds or 0.0 for run in runs) / 3600,
        sum(turn.tokens_in + turn.tokens_out for turn in turns),
    )


def charts(facts: Facts) -> list[Chart]:
    """Results over time; and the best over time, beside what one cluster alone would have taken."""
    return [_results(facts), _progress(facts)] if facts.rows else []


def _hours(facts: Facts, at: float) -> float:
    return (at - (facts.study.started_at or facts.study.created_at)) / 3600


def _results(facts: Facts) -> Chart:
    study = facts.study
    crashes = [_hours(facts, row.judged_at) for row in facts.rows if row.value is None]
    found: list[Series] = []
    for kind, colour in zip(facts.kinds, _cycle(len(facts.kinds)), strict=True):
        name = kind or "results"
        rows = [row for row in facts.rows if row.accelerator == kind and row.value is not None]
        other = [_point(facts, row) for row in rows if row.verdict is not Verdict.KEEP]
        kept = [_point(facts, row) for row in rows if row.verdict is Verdict.KEEP]
        found.append(Series("", _GREY, other, radius=1.8))
        found.append(Series("", colour, _stairs(kept, _end(facts)), is_line=True))
        found.append(Series(name, colour, kept, radius=3.5))
    found.append(Series("crashed" if crashes else "", _RED, (), crosses=crashes))
    values = [row.value for row in facts.rows if row.value is not None]
    bounds = usual_range(values, minimize=study.minimize) if values else None
    return Chart(f"{study.metric} of all that was tried", "hours", found, bounds)


def _point(facts: Facts, row: Judgement) -> Point:
    assert row.value is not None
    return _hours(facts, row.judged_at), row.value


def _end(facts: Facts) -> float:
    return _hours(facts, facts.rows[-1].judged_at)


def _cycle(count: int) -> list[str]:
    return [_COLOURS[at % len(_COLOURS)] for at in range(count)]


def _stairs(points: Sequence[Point], end: float) -> list[Point]:
    """The running best: level until the next one."""
    found: list[Point] = []
    for x, y in points:
        if found:
            found.append((x, found[-1][1]))
        found.append((x, y))
    return [*found, (end, found[-1][1])] if found else []


def _progress(facts: Facts) -> Chart:
    """The same runs one after the other on a single cluster would have taken their sum."""
    found: list[Series] = []
    for kind, colour in zip(facts.kinds, _cycle(len(facts.kinds)), strict=True):
        kept = [
            row
            for row in facts.rows
            if row.accelerator == kind and row.verdict is Verdict.KEEP and row.value is not None
        ]
        here = [_point(facts, row) for row in kept]
        runs = [run for run in facts.runs if run.accelerator == kind]
        hours = spent(runs, [*(row.judged_at for row in kept), math.inf])
        alone = [(x, row.value or 0.0) for x, row in zip(hours, kept, strict=False)]
        found.append(Series(kind or "here", colour, _stairs(here, _end(facts)), is_line=True))
        name = f"{kind} one by one".strip()
        line = _stairs(alone, hours[-1])
        found.append(Series(name, colour, line, is_line=True, is_dashed=True))
    return Chart(f"best {facts.study.metric}: hours here, and hours of clusters", "hours", found)


def by_chance(facts: Facts, margin_sd: float) -> float | None:
    """How many would have been kept if nothing that was tried mattered; None without noise.

    Each is kept whose single run beats the best by a margin, in sd of one run: two results of the
    same file differ by the square root of two of that.
    """
    known = [noise for noise in facts.noise.values() if noise.sd]
    if not known:
        return None
    share = 0.5 * math.erfc(margin_sd / math.sqrt(2) / math.sqrt(2))
    baselines = {e.id for e in facts.experiments if e.is_baseline}
    tried = sum(row.experiment not in baselines for row in facts.rows)
    return share * tried


def page(facts: Facts, diff: Diff, margin_sd: float) -> str:
    """The page, in HTML without anything from elsewhere."""
    study = facts.study
    drawn = "".join(f"<figure>{to_svg(chart)}</figure>" for chart in charts(facts))
    template = files("autoresearch_tui.report").joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=html.escape(f"{study.tag}: {study.metric}"),
        when=html.escape(_when(study)),
        claims="".join(_claim(facts, leader) for leader in facts.leaders) or _NOTHING,
        charts=drawn,
        kept=_kept(facts, diff),
        chance=_chance(facts, margin_sd),
        spent=_spending(facts),
        origins=_origins(facts),
    )


def _when(study: Study) -> str:
    begin = time.strftime("%Y-%m-%d %H:%M", time.localtime(study.started_at or study.created_at))
    state = study.end_reason or str(study.status)
    return f"{begin}, {state}; researcher: {study.researcher or 'none'}"


def _claim(facts: Facts, leader: Leader) -> str:
    best = next(e for e in facts.experiments if e.id == leader.best.experiment)
    base = leader.baseline.value if leader.baseline is not None else None
    start = "" if base is None else f"{base:.6f} → "
    where = f"{html.escape(leader.accelerator)}: " if len(facts.leaders) > 1 else ""
    words = leader.claim.words if leader.claim is not None else "the baseline is the best so far"
    return (
        f"<p class=claim>{where}{start}<b>{leader.best.value:.6f}</b> {best.id} "
        f"{html.escape(best.title)}<br><small>{html.escape(words)}</small></p>"
    )


def _kept(facts: Facts, diff: Diff) -> str:
    by_id = {e.id: e for e in facts.experiments}
    kept = [row for row in facts.rows if row.verdict is Verdict.KEEP]
    return "".join(_kept_row(facts, row, by_id[row.experiment], diff) for row in kept)


def _kept_row(facts: Facts, row: Judgement, experiment: Experiment, diff: Diff) -> str:
    value = "" if row.value is None else f"{row.value:.6f}"
    sd = facts.noise.get(row.accelerator, Noise(None, 0)).sd
    error = "" if not sd else f" ± {_Z * sd / math.sqrt(max(row.runs, 1)):.6f}"
    gain = "" if row.gain is None else f"{row.gain:+.6f}"
    mark = "certified" if row.certified else "provisional"
    cells = (row.experiment, row.accelerator, value + error, gain, mark, experiment.origin)
    told = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    change = _coloured(_diff(experiment, diff))
    about = f"<p>{html.escape(experiment.hypothesis)}</p><pre>{change}</pre>"
    title = html.escape(experiment.title)
    return f"<tr>{told}<td><details><summary>{title}</summary>{about}</details></td></tr>"


def _diff(experiment: Experiment, diff: Diff) -> str:
    if experiment.is_baseline:
        return "the unchanged starting point"
    try:
        return diff(experiment)[:_MOST_DIFF]
    except AutoresearchError as error:
        return str(error)


def _coloured(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        is_head = line.startswith(("+++", "---"))
        kind = "" if is_head else {"+": "add", "-": "del", "@": "at"}.get(line[:1], "")
        shown = html.escape(line)
        lines.append(f"<span class={kind}>{shown}</span>" if kind else shown)
    return "\n".join(lines)


def _chance(facts: Facts, margin_sd: float) -> str:
    expected = by_chance(facts, margin_sd)
    kept = sum(row.verdict is Verdict.KEEP for row in facts.rows)
    certified = sum(row.certified for row in facts.rows)
    if expected is None:
        return f"{kept} kept; the noise is not known, so any of them may be luck."
    return (
        f"{kept} kept, {certified} certified by fresh runs. The rule for keeping is quick, not "
        f"strict: had nothing that was tried mattered, about {expected:.0f} would have been kept "
        "by luck. What is claimed above is corrected for that; single keeps are not."
    )


def _spending(facts: Facts) -> str:
    ended = [run for run in facts.runs if run.status is RunStatus.SUCCEEDED]
    parts = [
        f"{len({row.experiment for row in facts.rows})} experiments judged by {len(ended)} runs",
        f"{facts.hours:.1f} hours of clusters in {_end(facts):.1f} hours" if facts.rows else "",
        f"${facts.study.spent_usd:.2f}" if facts.study.spent_usd else "",
        f"{facts.tokens:,} tokens" if facts.tokens else "",
    ]
    return html.escape("; ".join(part for part in parts if part)) + "."


def _origins(facts: Facts) -> str:
    lines: list[str] = []
    for each in facts.yields:
        gain = "" if each.gain_an_hour is None else f"{each.gain_an_hour:.6f}"
        cost = "" if each.cost_a_keep is None else f"{each.cost_a_keep:.2f}"
        counts = (each.proposed, each.judged, each.kept, each.crashed)
        cells = (each.origin, *map(str, counts), f"{each.hours:.1f}", gain, cost)
        told = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        lines.append(f"<tr>{told}</tr>")
    return "".join(lines)


_NOTHING = "<p class=claim>Nothing has been measured yet.</p>"
