"""A cluster and its runs in lines; functions of a picture's values."""

from textual.content import Content

from autoresearch_tui.domain import Cluster, Run, RunStatus
from autoresearch_tui.spoken import clock_of, duration, percent
from autoresearch_tui.tui.gantt import how_it_ended
from autoresearch_tui.tui.view import View


def cluster_facts(view: View, cluster: Cluster, now: float) -> list[str]:
    """All that is known of a cluster, a line each."""
    run = running_on(view, cluster)
    up = f"up {duration(now - cluster.up_at)}" if cluster.up_at is not None else cluster.status
    spent = f"${cluster.cost:.2f}" if cluster.cost else ""
    facts = (
        (cluster.name, "  ".join(e for e in (cluster.accelerator, up, spent, cluster.node) if e)),
        ("now", _doing(view, run, now) if run is not None else "nothing runs"),
        ("telemetry", view.telemetry.get(cluster.name, "")),
        ("time", view.split(cluster, now).words),
        ("suspected", cluster.suspected),
        ("note", cluster.note),
    )
    return [f"{name:<10} {text}" for name, text in facts if text]


def running_on(view: View, cluster: Cluster) -> Run | None:
    """What a cluster executes."""
    running = (r for r in view.active_runs if r.status is RunStatus.RUNNING)
    return next((run for run in running if run.cluster == cluster.name), None)


def _doing(view: View, run: Run, now: float) -> str:
    progress = view.progress.get(run.id)
    parts = [run.id]
    if progress is not None:
        parts.append(percent(progress.fraction))
        parts.append(f"loss {progress.loss:.4f}" if progress.loss is not None else "")
    if run.started_at is not None:
        parts.append(f"since {duration(now - run.started_at)}")
    waits = [r.id for r in view.active_runs if r.cluster == run.cluster and r.id != run.id]
    parts.append(f"next {', '.join(waits)}" if waits else "nothing behind it")
    return "  ".join(part for part in parts if part)


def run_lines(view: View, runs: list[Run]) -> list[Content]:
    """A line a run, newest first: how it ended, what it took, how long nothing ran before it."""
    lines: list[Content] = []
    for at, run in enumerate(runs):
        before = runs[at + 1].ended_at if at + 1 < len(runs) else None
        lines.append(_run_line(view, run, before))
    return lines


def _run_line(view: View, run: Run, before: float | None) -> Content:
    experiment = view.by_id.get(run.experiment)
    begun = run.started_at or 0.0
    if run.status is RunStatus.RUNNING:
        sign, style, word = "▸", "$primary", "runs"
    else:
        end = how_it_ended(run, experiment)
        sign, style, word = end.sign, end.style, end.word
    took = duration(run.seconds) if run.seconds is not None else ""
    gap = begun - before if before is not None else 0.0
    value = f"{run.value:.6f}" if run.value is not None else ""
    title = experiment.title if experiment is not None else ""
    return Content.assemble(
        (f"{clock_of(begun)[:5]} ", "$quiet"),
        f"{run.id:<10} ",
        (f"{sign} {word:<9} ", style),
        f"{took:>7} ",
        f"{value:>9}  ",
        (f"after {duration(gap)} idle  " if gap >= 1 else "", "$warning"),
        (run.why or title, "$quiet" if run.why else ""),
    )
