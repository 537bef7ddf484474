"""`status --watch`: plain lines, one whenever something changes that matters."""

import subprocess
import sys
import time
from pathlib import Path

from autoresearch_tui.domain import ApprovalMode, Study, StudyStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store.writer import open_writer


def test_a_line_comes_with_each_change_and_the_end_ends_it(tmp_path: Path):
    paths = StudyPaths(tmp_path)
    with open_writer(paths.database) as store:
        now = time.time()
        running, auto = StudyStatus.RUNNING, ApprovalMode.AUTO
        store.create_study(Study("night", "/r", "c", "val_bpb", True, running, auto, now))
        store.change_study(heartbeat_at=now + 600)
        command = [sys.executable, "-m", "autoresearch_tui", "status", "--watch", "-C", tmp_path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            assert watching.stdout.readline().strip().endswith("STARTING no cluster yet")
            store.change_study(status=StudyStatus.PAUSED)
            assert watching.stdout.readline().strip().endswith("PAUSED nothing runs")
            store.change_study(status=StudyStatus.FINISHED, end_reason="8 h")
            assert watching.stdout.readline().strip().endswith("FINISHED 8 h")
            assert watching.wait(30) == 0
            assert watching.stdout.read() == ""
