"""k8s/components/serve-only: the Deployment alone takes the other image."""

import shutil
import subprocess

import pytest
import yaml

from tests.manifest_objects import K8S


def test_the_deployment_alone_runs_the_image_that_only_serves(tmp_path):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    manifests = shutil.copytree(K8S, tmp_path / "k8s")
    (manifests / "overlays" / "mine").mkdir()
    (manifests / "overlays" / "mine" / "kustomization.yaml").write_text(
        "resources: [../base]\ncomponents: [../../components/serve-only]\n", encoding="utf-8"
    )
    done = subprocess.run(
        [kubectl, "kustomize", manifests / "overlays" / "mine"], capture_output=True, text=True, check=True
    )
    images = {}
    for each in yaml.safe_load_all(done.stdout):
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            images[each["kind"], each["metadata"]["name"]] = template["spec"]["containers"][0]["image"]
    assert images.pop(("Deployment", "churn-api")) == "churn-api-serve:v1"
    assert set(images.values()) == {"churn-api:v1"}
    assert len(images) >= 3
