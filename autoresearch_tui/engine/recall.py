"""Takes queued runs back from their clusters, before they start."""

import logging
from collections.abc import Sequence

from autoresearch_tui.domain import Run
from autoresearch_tui.engine.context import Context
from autoresearch_tui.errors import BackendError

log = logging.getLogger(__name__)


async def recall(context: Context, runs: Sequence[Run]) -> list[Run]:
    """The runs that could be taken back; the others have started, or their cluster is silent."""
    recalled: list[Run] = []
    for run in runs:
        assert run.cluster is not None
        try:
            if await context.backend.withdraw(run.cluster, run.id):
                recalled.append(run)
        except BackendError as error:
            log.warning("%s could not be taken back from %s: %s", run.id, run.cluster, error)
    # It may have started between being looked up and being asked for.
    return [r for r in recalled if (now := context.store.run(r.id)) and not now.status.is_final]
