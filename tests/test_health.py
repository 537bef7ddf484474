"""The word that an operator reads first, for each way in which a night can be."""

from dataclasses import replace
from typing import Any

import pytest

from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    Judgement,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.health import Facts, Health, Word, health

NOW = 100_000.0
STUDY = Study(
    "night",
    "/r",
    "c",
    "val_bpb",
    True,
    StudyStatus.RUNNING,
    ApprovalMode.MANUAL,
    0.0,
    researcher="optimizer",
)


def cluster(name: str, **facts: Any) -> Cluster:
    found = Cluster(name, "skypilot", "H100", ClusterStatus.UP, 0.0, up_at=NOW - 9000)
    return replace(found, **facts)


def run(name: str, where: str, begin: float, end: float | None = None, **facts: Any) -> Run:
    status = RunStatus.RUNNING if end is None else RunStatus.SUCCEEDED
    found = Run(name, name[:5], 1, status, 0, begin, where, "H100", begin, begin, end)
    return replace(found, **facts)


ENDED = [run(f"e000{i}-r1", "gpu-01", NOW - 300 * i - 310, NOW - 300 * i - 10) for i in range(5)]
BUSY = [*ENDED, run("e0010-r1", "gpu-01", NOW - 100), run("e0011-r1", "gpu-02", NOW - 100)]


def row(number: int, verdict: Verdict, ago: float = 50.0) -> Judgement:
    return Judgement(f"e{number:04}", "H100", verdict, 1, 1.0, 0.0, "", NOW - ago)


def facts(**changes: Any) -> Facts:
    both = [cluster("gpu-01"), cluster("gpu-02")]
    known = Facts(STUDY, both, BUSY, 0, [row(1, Verdict.KEEP)], None, 0.97, NOW)
    return replace(known, **changes)


def study(**changes: Any) -> Study:
    return replace(STUDY, **changes)


CRASHES = [row(number, Verdict.CRASH) for number in range(1, 4)]
ONE_IDLE = [*ENDED, run("e0011-r1", "gpu-02", NOW - 100)]
LONG_AGO = [
    *(
        run(each.id, "gpu-01", NOW - 2300 - 310 * i, NOW - 2000 - 310 * i)
        for i, each in enumerate(ENDED)
    ),
    run("e0010-r1", "gpu-01", NOW - 1900),
    run("e0011-r1", "gpu-02", NOW - 1900),
]
OLD = [replace(each, ended_at=(each.ended_at or 0) - 100) for each in ENDED]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Health(Word.HEALTHY, "2/2 busy")),
        (
            {"study": study(status=StudyStatus.FINISHED, end_reason="8 h"), "silence": 99.0},
            Health(Word.FINISHED, "8 h"),
        ),
        ({"silence": 3700.0}, Health(Word.DEAD, "no engine for 1h01m")),
        (
            {"study": study(status=StudyStatus.PAUSED, alarm="5 crashed in a row; look")},
            Health(Word.TROUBLE, "5 crashed in a row; look"),
        ),
        (
            {"study": study(alarm="stalled: no run has ended for 3 times the usual 300 s")},
            Health(Word.STUCK, "no run has ended for 3 times the usual 300 s"),
        ),
        (
            {"study": study(alarm="nothing runs: no researcher")},
            Health(Word.IDLE, "nothing runs: no researcher"),
        ),
        ({"study": study(status=StudyStatus.PAUSED)}, Health(Word.PAUSED, "2 still run")),
        (
            {"study": study(status=StudyStatus.STOPPING), "runs": ENDED},
            Health(Word.STOPPING, "nothing runs"),
        ),
        ({"rows": CRASHES}, Health(Word.TROUBLE, "the last 3 have all crashed")),
        ({"rows": [*CRASHES, row(9, Verdict.DISCARD)]}, Health(Word.HEALTHY, "2/2 busy")),
        (
            {"rows": [row(7, Verdict.INCONCLUSIVE)]},
            Health(Word.TROUBLE, "e0007 is too good to be believed: look at it"),
        ),
        ({"rows": [row(7, Verdict.INCONCLUSIVE, 7200)]}, Health(Word.HEALTHY, "2/2 busy")),
        (
            {
                "clusters": [
                    cluster("gpu-01"),
                    cluster("gpu-02", status=ClusterStatus.FAILED, note="no credential"),
                ]
            },
            Health(Word.TROUBLE, "gpu-02 failed: no credential"),
        ),
        (
            {"clusters": [cluster("gpu-01", suspected="3 crashes that succeed elsewhere")]},
            Health(Word.TROUBLE, "gpu-01 is suspected: 3 crashes that succeed elsewhere"),
        ),
        (
            {"clusters": [cluster("a", status=ClusterStatus.PROVISIONING, note="no capacity")]},
            Health(Word.STARTING, "1 of 1 clusters are coming up: no capacity"),
        ),
        ({"clusters": [], "runs": []}, Health(Word.STARTING, "no cluster yet")),
        (
            {"runs": [*OLD, run("e0011-r1", "gpu-02", NOW - 100)], "waiting": 3},
            Health(Word.IDLE, "1 cluster idle while 3 proposals wait for you"),
        ),
        # A gap between two runs is no trouble, nor one idle cluster of two.
        ({"runs": ONE_IDLE, "waiting": 3}, Health(Word.HEALTHY, "1/2 busy")),
        ({"runs": OLD}, Health(Word.IDLE, "nothing to run: no proposal")),
        (
            {"runs": OLD, "study": study(researcher="none")},
            Health(Word.IDLE, "no researcher, and no proposal from outside"),
        ),
        ({"runs": LONG_AGO}, Health(Word.STUCK, "no run has ended for 31m40s; usual 5m00s")),
        (
            {"busy": 0.61},
            Health(Word.SLOW, "clusters were busy 61% of the last hour"),
        ),
    ],
)
def test_the_word_and_its_reason(changes: dict[str, Any], expected: Health):
    assert health(facts(**changes)) == expected
