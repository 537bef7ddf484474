"""What a night does to its repository."""

from pathlib import Path

from autoresearch_tui.engine import publishing
from autoresearch_tui.simulation.repository import MemoryRepository
from autoresearch_tui.simulation.study import Sampler
from tests.simulation.night import Night


def test_the_repository_is_tidied_now_and_then(tmp_path: Path, monkeypatch):
    tidied: list[int] = []
    monkeypatch.setattr(publishing, "_TIDY_EVERY", 10)
    monkeypatch.setattr(MemoryRepository, "tidy", lambda self: tidied.append(len(self.results)))
    store = Night(tmp_path, [Sampler(1)], {"limits": {"max_experiments": 35}}).run()
    assert store.judged() >= 35
    # Some are published twice: the baseline is judged on each accelerator type.
    assert len(tidied) >= 3
    assert tidied[0] in (9, 10)
    assert tidied == sorted(tidied)
