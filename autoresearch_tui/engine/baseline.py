"""The unchanged files as the experiment that everything is compared to."""

from autoresearch_tui.code.constants import all_constants
from autoresearch_tui.code.edits import digest
from autoresearch_tui.domain import Experiment, ExperimentStatus, Verdict
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.lifecycle.events import Admitted


def ensure_baseline(engine: Engine) -> None:
    """Add the unchanged files as the first experiment; anew where they failed everywhere."""
    found = engine.baseline()
    if found is not None and (found.verdict is not Verdict.CRASH or engine.state.incumbents):
        return
    baseline = new_baseline(engine, engine.store.next_number())
    engine.tell(Admitted(baseline, "engine", follows=False))


def new_baseline(engine: Engine, number: int) -> Experiment:
    """The unchanged files as the experiment of that number, not admitted yet."""
    store, workspace = engine.store, engine.workspace
    files = workspace.read_files(workspace.base_commit)
    return Experiment(
        id=f"e{number:04}",
        number=number,
        wave=store.next_wave(),
        status=ExperimentStatus.PROPOSED,
        title="baseline",
        hypothesis="The files as they are; their repeats tell how much the metric spreads.",
        origin="baseline",
        created_at=engine.clock(),
        commit=workspace.base_commit,
        digest=digest(files),
        constants=all_constants(files, engine.profile),
        runs_wanted=engine.settings.judge.baseline_repeats,
    )
