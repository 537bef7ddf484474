"""What the command line prints: plain lines, made for eyes and for grep."""

from collections.abc import Sequence

from autoresearch_tui.control import engine_lives
from autoresearch_tui.domain import Event, Experiment, ExperimentStatus, Judgement, Run
from autoresearch_tui.health import Word
from autoresearch_tui.report.standing import Standing
from autoresearch_tui.spoken import clock_of
from autoresearch_tui.usage import Split


def event_line(event: Event) -> str:
    """One line of the record."""
    return f"{clock_of(event.time)}  {event.kind:<22} {event.subject:<10} {event.text}".rstrip()


def experiment_table(experiments: Sequence[Experiment]) -> list[str]:
    """One line an experiment under a head."""
    lines = [f"{'id':<6} {'status':<11} {'value':>10} {'vs best':>10}  {'origin':<10} title"]
    for e in experiments:
        state = e.verdict if e.verdict is not None else e.status
        mark = "*" if e.is_best else " "
        value = f"{e.value:.6f}" if e.value is not None else "-"
        gain = f"{e.gain:+.6f}" if e.gain is not None else "-"
        lines.append(f"{e.id:<6}{mark}{state:<11} {value:>10} {gain:>10}  {e.origin:<10} {e.title}")
    return lines


def experiment_page(
    experiment: Experiment, runs: Sequence[Run], judgements: Sequence[Judgement] = ()
) -> list[str]:
    """All there is to say of an experiment, but its diff."""
    e = experiment
    lines = [f"{e.id}  {e.title}", f"status      {e.status}"]
    facts = {
        "verdict": e.verdict or "",
        "why": e.why,
        "value": "" if e.value is None else f"{e.value:.6f}",
        "vs best": "" if e.gain is None else f"{e.gain:+.6f} against the best of its time",
        "parent": e.parent or "",
        "origin": e.origin,
        "commit": e.commit or "",
        "expected": e.expected,
        "hypothesis": e.hypothesis,
    }
    lines += [f"{name:<11} {value}" for name, value in facts.items() if value]
    if e.value is not None:
        lines.append("measured    by the run itself, in the code that the experiment may change")
    for each in judgements if len(judgements) > 1 else ():
        value = "" if each.value is None else f"{each.value:.6f}"
        lines.append(f"on {each.accelerator:<8} {each.verdict}  {value}  {each.why}".rstrip())
    for run in runs:
        value = "" if run.value is None else f"{run.value:.6f}"
        why = f"  {run.why}" if run.why else ""
        lines.append(f"run         {run.id}  {run.status}  {run.cluster}  {value}{why}")
    return lines


def _leaders(stands: Standing) -> list[str]:
    """The best and what is known of it, for each accelerator type; one alone needs no name."""
    titles = {e.id: e.title for e in stands.best}
    lines: list[str] = []
    for leader in stands.leaders:
        where = f"{leader.accelerator}  " if len(stands.leaders) > 1 else ""
        best, title = leader.best, titles.get(leader.best.experiment, "")
        value = f"{stands.study.metric} {best.value:.6f}"
        lines.append(f"best        {where}{value}  {best.experiment} {title}".rstrip())
        if leader.claim is not None:
            lines.append(f"gain        {where}{leader.claim.words}")
    return lines


def watch_line(stands: Standing) -> str:
    """The word, its reason and the bests, without what changes all the time."""
    health, metric = stands.health, stands.study.metric
    reason = "" if health.word in (Word.HEALTHY, Word.SLOW, Word.DEAD) else health.reason
    parts = [f"{health.word} {reason}".strip()]
    for leader in stands.leaders:
        where = f"{leader.accelerator} " if len(stands.leaders) > 1 else ""
        parts.append(f"best {where}{metric} {leader.best.value:.6f} {leader.best.experiment}")
    return "; ".join(parts)


def status_lines(stands: Standing, now: float) -> list[str]:
    """The state of the night."""
    study, counts = stands.study, stands.counts
    alive = engine_lives(study, now)
    engine = f"running (process {study.engine_pid})" if alive else "not running"
    reason = f": {study.end_reason}" if study.end_reason not in ("", study.alarm) else ""
    lines = [
        f"{stands.health.word:<11} {stands.health.reason}".rstrip(),
        f"study       {study.tag}  {study.status}{reason}",
        f"engine      {engine}",
    ]
    if study.alarm:
        lines.append(f"ALARM       {study.alarm}")
    told = [f"{counts[s]} {s}" for s in ExperimentStatus if counts.get(s)]
    lines.append(f"experiments {', '.join(told) or 'none yet'}")
    lines += _leaders(stands)
    if study.noise_sd is not None:
        lines.append(f"noise       sd {study.noise_sd:.6f}")
    lines.append(f"idle        {stands.usage.idle_percent:.1f} %")
    if words := sum(stands.splits.values(), start=Split()).words:
        lines.append(f"time        {words}")
    if study.confinement:
        lines.append(f"sandbox     {study.confinement}")
    lines.append(f"approval    {study.approval}")
    if study.researcher:
        lines.append(f"researcher  {study.researcher}  {study.researcher_state}".rstrip())
    if study.spent_usd:
        lines.append(f"spent       ${study.spent_usd:.2f}")
    return lines
