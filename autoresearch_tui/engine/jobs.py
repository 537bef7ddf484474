"""Makes the job of a run, and judges whether what it printed can be believed."""

import hashlib
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence

from autoresearch_tui.backends.base import JobState, JobStatus
from autoresearch_tui.code.edits import matches
from autoresearch_tui.domain import Experiment, Run, RunStatus
from autoresearch_tui.engine.output import HASH_PREFIX, TREE_PREFIX, Summary

_ENDS: Mapping[JobStatus, RunStatus] = {
    JobStatus.SUCCEEDED: RunStatus.SUCCEEDED,
    JobStatus.FAILED: RunStatus.FAILED,
    JobStatus.TIMED_OUT: RunStatus.TIMED_OUT,
    JobStatus.CANCELLED: RunStatus.CANCELLED,
    JobStatus.LOST: RunStatus.LOST,
}


_SCRIPT = """\
for file in {editable}; do
  hash=$( (sha256sum < "$file" 2>/dev/null || shasum -a 256 < "$file") | cut -c1-64)
  test -n "$hash" && echo "{prefix} $hash $file" || exit 97
done
_autoresearch_sums() {{
  if command -v sha256sum > /dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}}
_autoresearch_tree() {{
  hash=$(tr '\\n' '\\0' | xargs -0 bash -c '_autoresearch_sums -- "$@"' _ 2> /dev/null \
    | _autoresearch_sums | cut -c1-64)
  printf "$2%s\\n" "{tree_prefix} $1 $hash"
}}
export -f _autoresearch_sums
_autoresearch_tree before << '{end}'
{before}
{end}
(
{run}
)
code=$?
_autoresearch_tree after '\\n' << '{end}'
{after}
{end}
exit $code
"""

_END = "AUTORESEARCH-END-OF-FILES"


def run_script(
    run: str, editable: Sequence[str], files: Iterable[str], protected: Sequence[str] = ()
) -> str:
    """The bash script of a run: what `run` says, between proofs of what it executes.

    Prints the hash of each editable file, and before and after one hash over all `files` of the
    commit; after, over its code and what is protected. macOS has `shasum` in place of `sha256sum`.
    """
    hashed = hashed_files(files)
    return _SCRIPT.format(
        editable=" ".join(shlex.quote(path) for path in editable),
        prefix=HASH_PREFIX,
        tree_prefix=TREE_PREFIX,
        end=_END,
        before="\n".join(hashed),
        after="\n".join(_unchanged(hashed, (*editable, *protected))),
        run=run,
    )


def hashed_files(files: Iterable[str]) -> list[str]:
    """Those whose names every version of the hashing programs prints alike, sorted."""
    return sorted(path for path in files if "\\" not in path and "\n" not in path)


def _unchanged(files: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """What no run may change: code, and what `patterns` match; other files of the commit it may."""
    return [path for path in files if path.endswith((".py", ".toml")) or matches(path, patterns)]


def _tree(paths: Iterable[str], hashes: Mapping[str, str]) -> str:
    text = "".join(f"{hashes[path]}  {path}\n" for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_lines(texts: Mapping[str, str], editable: Sequence[str]) -> tuple[str, str]:
    """What the script of an honest run prints before and after it, of the files of its commit."""
    hashes = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()}
    files = hashed_files(hashes)
    ours = "".join(f"{HASH_PREFIX} {hashes[path]} {path}\n" for path in editable)
    before, after = _tree(files, hashes), _tree(_unchanged(files, editable), hashes)
    return f"{ours}{TREE_PREFIX} before {before}\n", f"{TREE_PREFIX} after {after}\n"


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
    state: JobState,
    summary: Summary,
    expected: Mapping[str, str],
    editable: Sequence[str],
    protected: Sequence[str] = (),
) -> tuple[RunStatus, float | None, str]:
    """How a run ended: its status, its metric if it can be accepted, and why if it cannot.

    `expected` holds the hash of each file of the commit that the run was to execute.
    """
    status = _ENDS[state.status]
    if status is not RunStatus.SUCCEEDED:
        return status, None, _failure(state, summary)
    if doubt := _tampering(summary, expected, editable, protected):
        return RunStatus.FAILED, None, doubt
    value, why = _metric(summary)
    return (RunStatus.FAILED if why else status), value, why


def _tampering(
    summary: Summary,
    expected: Mapping[str, str],
    editable: Sequence[str],
    protected: Sequence[str],
) -> str:
    """What shows that other content was executed than that of the commit; empty if nothing does."""
    for path in editable:
        if summary.hashes.get(path) != expected[path]:
            return f"{path}: executed other content than was proposed"
    files = hashed_files(expected)
    if summary.tree_before != _tree(files, expected):
        return "a file of its commit had been changed before it ran"
    if summary.tree_after != _tree(_unchanged(files, (*editable, *protected)), expected):
        return "code or protected files of its commit were changed while it ran"
    return ""


def _failure(state: JobState, summary: Summary) -> str:
    if state.why:
        return state.why
    code = "" if state.exit_code is None else f"exit code {state.exit_code}"
    return ": ".join(part for part in (code, summary.reasons.line) if part)


def _metric(summary: Summary) -> tuple[float | None, str]:
    name, printed = summary.metric, sorted(set(summary.values))
    if not printed:
        said = f": {summary.reasons.line}" if summary.reasons.line else ""
        return None, f"ended without printing {name}{said}"
    if summary.reasons.says_crash:
        return None, f"its task says that it crashed: {summary.reasons.line}"
    if len(printed) > 1:
        return None, f"printed {name} {len(printed)} times with different values: {printed[:3]}"
    try:
        value = float(printed[0])
    except ValueError:
        return None, f"printed {name} as {printed[0]!r}, which is no number"
    if not math.isfinite(value):
        return None, f"{name} is {printed[0]}"
    return value, ""
