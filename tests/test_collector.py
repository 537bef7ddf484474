import gc

from autoresearch_tui.collector import many_objects


def frozen_by(count: int) -> int:
    before = gc.get_freeze_count()
    with many_objects():
        assert not gc.isenabled()
        kept = [[number] for number in range(count)]
    assert gc.isenabled()
    assert len(kept) == count
    return gc.get_freeze_count() - before


def test_only_many_objects_are_never_looked_at_again():
    gc.collect()
    assert frozen_by(1_000) == 0
    try:
        assert frozen_by(100_000) >= 100_000
    finally:
        gc.unfreeze()
