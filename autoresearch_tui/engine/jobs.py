"""Makes the job of a run, and judges whether what it printed can be believed."""

import math
import shlex
from collections.abc import Mapping, Sequence

from autoresearch_tui.backends.base import JobState, JobStatus
from autoresearch_tui.domain import Experiment, Run, RunStatus
from autoresearch_tui.engine.output import HASH_PREFIX, Summary

_ENDS: Mapping[JobStatus, RunStatus] = {
    JobStatus.SUCCEEDED: RunStatus.SUCCEEDED,
    JobStatus.FAILED: RunStatus.FAILED,
    JobStatus.TIMED_OUT: RunStatus.TIMED_OUT,
    JobStatus.CANCELLED: RunStatus.CANCELLED,
}


def run_script(run: str, editable: Sequence[str]) -> str:
    """The bash script of a run: prints the hash of each editable file, then does what `run` says.

    macOS has `shasum` in place of `sha256sum`.
    """
    files = " ".join(shlex.quote(path) for path in editable)
    return (
        f"for file in {files}; do\n"
        '  hash=$( (sha256sum < "$file" 2>/dev/null || shasum -a 256 < "$file") | cut -c1-64)'
        f' && echo "{HASH_PREFIX} $hash $file" || exit 97\n'
        "done\n"
        f"{run}"
    )


def run_envs(envs: Mapping[str, str], experiment: Experiment, run: Run) -> dict[str, str]:
    """The environment of a run: the task's own, and who it is.

    `EXPERIMENT_ID` and `EXPERIMENT_DESC` are the names of SkyPilot's published example.
    """
    return {
        **envs,
        "EXPERIMENT_ID": experiment.id,
        "EXPERIMENT_DESC": experiment.title,
        "AUTORESEARCH_RUN": run.id,
        "AUTORESEARCH_SEED": str(run.seed),
    }


def conclude(
    state: JobState, summary: Summary, expected: Mapping[str, str]
) -> tuple[RunStatus, float | None, str]:
    """How a run ended: its status, its metric if it can be accepted, and why if it cannot.

    `expected` holds the hash of each file that the run was to execute.
    """
    status = _ENDS[state.status]
    if status is not RunStatus.SUCCEEDED:
        return status, None, _failure(state, summary)
    for path, digest in expected.items():
        if summary.hashes.get(path) != digest:
            return RunStatus.FAILED, None, f"{path}: executed other content than was proposed"
    value, why = _metric(summary)
    return (RunStatus.FAILED if why else status), value, why


def _failure(state: JobState, summary: Summary) -> str:
    if state.why:
        return state.why
    code = "" if state.exit_code is None else f"exit code {state.exit_code}"
    return ": ".join(part for part in (code, summary.last_line[:200]) if part)


def _metric(summary: Summary) -> tuple[float | None, str]:
    name, printed = summary.metric, sorted(set(summary.values))
    if not printed:
        tail = f"; its last line: {summary.last_line[:160]}" if summary.last_line else ""
        return None, f"ended without printing {name}{tail}"
    if len(printed) > 1:
        return None, f"printed {name} {len(printed)} times with different values: {printed[:3]}"
    try:
        value = float(printed[0])
    except ValueError:
        return None, f"printed {name} as {printed[0]!r}, which is no number"
    if not math.isfinite(value):
        return None, f"{name} is {printed[0]}"
    return value, ""
