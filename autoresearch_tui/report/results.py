"""karpathy's `results.tsv`: commit, val_bpb, memory_gb, status, description."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from autoresearch_tui.domain import Experiment, Run, Verdict

HEADER = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"


def result_line(experiment: Experiment, runs: Sequence[Run]) -> str:
    """The line of a judged experiment; a crash has zeros, as karpathy's has."""
    memory = max((_memory_gb(run) for run in runs), default=0.0)
    is_crash = experiment.value is None
    status = experiment.verdict or Verdict.CRASH
    if status is Verdict.INCONCLUSIVE:
        status = Verdict.DISCARD
    title = "baseline" if experiment.is_baseline else experiment.title
    return "\t".join(
        (
            (experiment.commit or "")[:7],
            "0.000000" if is_crash else f"{experiment.value:.6f}",
            "0.0" if is_crash else f"{memory:.1f}",
            status,
            " ".join(title.split()),
        )
    )


def _memory_gb(run: Run) -> float:
    peak = run.metrics.get("peak_vram_mb")
    return peak / 1024 if isinstance(peak, int | float) else 0.0


def append_result(path: Path, experiment: Experiment, runs: Sequence[Run]) -> None:
    """Add the line of an experiment that has just been judged."""
    with path.open("a", encoding="utf-8") as file:
        file.write(result_line(experiment, runs) + "\n")


def write_results(
    path: Path, judged: Iterable[Experiment], runs: Mapping[str, Sequence[Run]]
) -> None:
    """Write the whole table anew."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(results_text(judged, runs), encoding="utf-8")
    temporary.replace(path)


def results_text(judged: Iterable[Experiment], runs: Mapping[str, Sequence[Run]]) -> str:
    """The whole table, in the order of the verdicts."""
    lines = [result_line(e, runs.get(e.id, ())) for e in sorted(judged, key=_judged_at)]
    return HEADER + "".join(f"{line}\n" for line in lines)


def _judged_at(experiment: Experiment) -> float:
    return experiment.judged_at or 0.0
