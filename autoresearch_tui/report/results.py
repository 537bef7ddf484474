"""karpathy's `results.tsv`: commit, val_bpb, memory_gb, status, description."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from autoresearch_tui.domain import Result, Verdict
from autoresearch_tui.store import Reader

HEADER = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"


def result_line(result: Result, *, tells_accelerator: bool) -> str:
    """The line of a verdict; a crash has zeros, as karpathy's has.

    Values of two accelerator types do not compare, so where a study has several the description
    begins with the one that a line is of; as little do those of two tasks.
    """
    is_crash = result.value is None
    status = Verdict.DISCARD if result.verdict is Verdict.INCONCLUSIVE else result.verdict
    where = f"[{result.accelerator}] " if tells_accelerator and result.accelerator else ""
    where += "[old task] " if result.is_of_old_task else ""
    return "\t".join(
        (
            result.commit[:7],
            "0.000000" if is_crash else f"{result.value:.6f}",
            "0.0" if is_crash else f"{result.memory_mb / 1024:.1f}",
            status,
            where + " ".join(result.title.split()),
        )
    )


def result_lines(results: Iterable[Result], kinds: int) -> Iterator[str]:
    """The whole table, for a study of so many accelerator types."""
    yield HEADER
    for result in results:
        yield result_line(result, tells_accelerator=kinds > 1) + "\n"


class ResultsTable:
    """The table at `path`: rewritten from the database, or one line longer. Calls block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: set[tuple[str, str | None]] = set()
        self._kinds: set[str | None] = set()

    def rewrite(self, reader: Reader) -> None:
        """Write the whole table anew."""
        told: set[tuple[str, str | None]] = set()

        def noted(results: Iterable[Result]) -> Iterator[Result]:
            for result in results:
                told.add((result.experiment, result.accelerator))
                yield result

        with reader.snapshot():
            kinds = reader.judged_accelerators()
            temporary = self._path.with_name(f".{self._path.name}.part")
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(result_lines(noted(reader.results()), len(kinds)))
        temporary.replace(self._path)
        self._told, self._kinds = told, set(kinds)

    def tell(self, reader: Reader, experiment: str) -> None:
        """Have the table hold the newest verdicts of an experiment."""
        new = list(reader.results(experiment))
        known = self._told & {(each.experiment, each.accelerator) for each in new}
        if known or {each.accelerator for each in new} - self._kinds:
            self.rewrite(reader)
            return
        with self._path.open("a", encoding="utf-8") as file:
            for each in new:
                file.write(result_line(each, tells_accelerator=len(self._kinds) > 1) + "\n")
                self._told.add((each.experiment, each.accelerator))
