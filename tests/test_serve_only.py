"""k8s/components/serve-only: the Deployment alone takes the other image."""

import shutil

from tests.manifest_objects import K8S, pod_templates, rendered


def test_the_deployment_alone_runs_the_image_that_only_serves(tmp_path):
    overlay = shutil.copytree(K8S, tmp_path / "k8s") / "overlays" / "mine"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "resources: [../base]\ncomponents: [../../components/serve-only]\n", encoding="utf-8"
    )
    templates = pod_templates(rendered(overlay).values())
    images = {pod: template["spec"]["containers"][0]["image"] for pod, template in templates.items()}
    assert images.pop("Deployment churn-api") == "churn-api-serve:v1"
    assert set(images.values()) == {"churn-api:v1"}
    assert len(images) >= 3
