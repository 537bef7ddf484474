"""What `sky check` prints, on one line each."""

import pytest

from autoresearch_tui.backends.skypilot import sdk
from autoresearch_tui.backends.skypilot.infra import Infra, parse_check

PRINTED = """\
Checking credentials to enable infra for SkyPilot.
\x1b[2m  AWS: disabled \x1b[0m\x1b[0m
    Reason [compute, storage]: AWS dependencies are not installed. Run the following commands:
      $ pip install skypilot[aws]
    Credentials may also need to be set. Run the following commands:
      $ aws configure
\x1b[2m  DO: disabled \x1b[0m
    Reason [compute]: Traceback (most recent call last):
  File "check.py", line 213, in check_one
    ok = cloud.check()
ModuleNotFoundError: No module named 'azure'
\x1b[32m  Slurm: enabled [compute]\x1b[0m
    Allowed clusters:

To enable a cloud, follow the hints above and rerun: sky check
"""


def test_each_infrastructure_with_its_reason():
    aws = (
        "AWS dependencies are not installed. Run the following commands: pip install skypilot[aws]"
    )
    assert parse_check(PRINTED) == [
        Infra("AWS", False, aws),
        Infra("DO", False, "ModuleNotFoundError: No module named 'azure'"),
        Infra("Slurm", True),
    ]


def test_clusters_without_skypilot_are_refused_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sdk, "find_spec", lambda name: None)
    with pytest.raises(sdk.SkyError, match="pip install"):
        sdk.check_installed()
