"""What the real SkyPilot makes of the tasks that are given to it."""

from pathlib import Path

import pytest

from autoresearch_tui.backends.skypilot.sdk import Sdk, SkyTask

pytestmark = pytest.mark.e2e

EITHER = {"accelerators": {"H100": 1, "H200": 1}, "image_id": "docker:some/image:tag"}
ANYWHERE = {"any_of": [{"infra": "aws"}, {"infra": "k8s"}], "accelerators": "H100:1"}


def asked(resources: dict[str, object], tmp_path: Path, **over: str) -> set[str]:
    pytest.importorskip("sky", reason="the extra `skypilot`")
    sdk = Sdk()
    with sdk._calls():
        task = sdk._task(SkyTask("a", "true", tmp_path, raw={"resources": resources}, **over))
    return {f"{each.cloud} {each.accelerators} {each.image_id}" for each in task.resources}


@pytest.mark.filterwarnings("ignore")
def test_alternatives_stay_as_far_as_they_are_open(tmp_path: Path):
    h100, h200, image = "{'H100': 1}", "{'H200': 1}", "{None: 'docker:some/image:tag'}"
    assert asked(EITHER, tmp_path) == {f"None {h100} {image}", f"None {h200} {image}"}
    on_slurm = asked(EITHER, tmp_path, infra="slurm", image="none")
    assert on_slurm == {f"Slurm {h100} None", f"Slurm {h200} None"}
    assert asked(EITHER, tmp_path, accelerators="H200:1") == {f"None {h200} {image}"}
    both = asked(ANYWHERE, tmp_path, accelerators="H200:1")
    assert both == {f"AWS {h200} None", f"Kubernetes {h200} None"}
