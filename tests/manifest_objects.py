"""The manifests of k8s/, read once, for the tests that look at them."""

import copy
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
K8S = ROOT / "k8s"
OBJECTS = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(K8S.glob("*.yaml"))}


def pod_templates(manifests: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for manifest in manifests:
        spec = manifest.get("spec", {})
        template = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
        if template:
            found[f"{manifest['kind']} {manifest['metadata']['name']}"] = template
    return found


def rendered(overlay: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What kustomize makes of an overlay, by kind and name."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["kubectl", "kustomize", overlay], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(done.stdout)}


def every_value(node: Any, key: str) -> Iterator[Any]:
    """Each value under `key`, however deep."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name == key:
                yield value
            yield from every_value(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from every_value(value, key)


def every_item(node: Any) -> Iterator[Any]:
    """Each value that holds no others, however deep."""
    if isinstance(node, Mapping | list):
        for value in node.values() if isinstance(node, Mapping) else node:
            yield from every_item(value)
    else:
        yield node


def validate_schema(manifest: dict[str, Any], version: str) -> None:
    """Hold the manifest to the schema of Kubernetes 1.28, or of the newest version that is known."""
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    if version == "newest":
        validate.validate(manifest, validate.latest_version(), strict=True)
        return
    # 1.28.0 called onPodConditions required by mistake; the API server never asked for it, nor does kubectl since 1.25.
    filled = copy.deepcopy(manifest)
    for policy in every_value(filled, "podFailurePolicy"):
        for rule in policy["rules"]:
            rule.setdefault("onPodConditions", [])
    validate.validate(filled, "1.28.0", strict=True)


PODS = pod_templates(OBJECTS.values())
DEPLOYMENT = OBJECTS["deployment.yaml"]
API = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]
CONFIG = OBJECTS["configmap.yaml"]["data"]
