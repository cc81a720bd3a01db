"""`kubectl apply -f k8s/` a second time, against a stand-in for the API server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.manifest_objects import K8S, OBJECTS
from tests.stand_in_api import canonical, stand_in

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def apply_twice(folder: Path, home: Path) -> tuple[list[str], list[str]]:
    """What kubectl says of each object at the first and at the second time."""
    said = []
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    with stand_in() as address:
        for _ in range(2):
            command = ["kubectl", "--server", address, "apply", "--validate=false", "-f", folder]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            said.append(done.stdout.splitlines())
    return said[0], said[1]


@pytest.mark.parametrize("folder", [K8S, K8S / "scoring" / "job.yaml", K8S / "scoring" / "networkpolicy.yaml"])
def test_the_second_time_everything_is_unchanged(tmp_path, folder):
    first, second = apply_twice(folder, tmp_path)
    assert len(first) == (len(OBJECTS) if folder == K8S else 1)
    assert all(line.endswith(" created") for line in first), first
    assert all(line.endswith(" unchanged") for line in second), second


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("deployment.yaml", "    type: RollingUpdate\n", ""),
        ("deployment.yaml", "cpu: 200m", "cpu: 0.2"),
        ("deployment.yaml", "memory: 512Mi", "memory: 0.5Gi"),
        ("job.yaml", "values: [3]\n", "values: [3]\n        onPodConditions: []\n"),
        ("networkpolicy.yaml", "        - protocol: TCP\n          port: 8080", "        - port: 8080"),
        ("secret.yaml", "data:\n  MONITORING_TOKEN: cmVwbGFjZS1tZQ==", "stringData:\n  MONITORING_TOKEN: replace-me"),
    ],
)
def test_what_the_server_gives_back_in_another_form_is_configured_each_time(tmp_path, file, old, new):
    """The test above would see it."""
    text = (K8S / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
    _, (said,) = apply_twice(tmp_path / file, tmp_path)
    assert said.endswith(" configured")


@pytest.mark.parametrize(
    ("quantity", "kept"),
    [("0.5", "500m"), ("1000m", "1"), ("2", "2"), ("1024Mi", "1Gi"), ("1280Mi", "1280Mi"), ("0.5Gi", "512Mi")],
)
def test_quantities_are_kept_in_their_canonical_form(quantity, kept):
    assert canonical(quantity) == kept
