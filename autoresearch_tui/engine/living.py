"""The loops of an engine, from when it has taken up its study until the heart ends it."""

import asyncio
from collections.abc import Callable, Coroutine

from autoresearch_tui.domain import StudyStatus
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.carrying import Carrier
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.publishing import Publisher
from autoresearch_tui.engine.pulse import beat
from autoresearch_tui.engine.research import Research
from autoresearch_tui.engine.watching import Watcher, cluster_news

Watch = Callable[[Engine], Coroutine[None, None, None]]


async def live(
    engine: Engine, admission: Admission, publisher: Publisher, watch: Watch | None = None
) -> None:
    """Watch, carry out, research and tick until the end; `watch` runs beside and ends by itself."""
    loops = [
        Watcher(engine).run(),
        Carrier(engine, admission, publisher).run(),
        Research(engine, admission).run(),
        beat(engine),
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in loops]
        watching = group.create_task(watch(engine)) if watch else None
        await engine.ended.wait()
        for task in tasks:
            task.cancel()
    if watching is not None:
        await watching
    if engine.state.study.status is StudyStatus.FINISHED:
        await _release(engine)


async def _release(engine: Engine) -> None:
    await engine.backend.release()
    # What is kept goes on costing, and its tile must not say otherwise.
    for news in cluster_news(engine, await engine.backend.clusters()):
        engine.tell(news)
