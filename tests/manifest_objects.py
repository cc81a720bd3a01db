"""The manifests of k8s/, read once, for the tests that look at them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
K8S = ROOT / "k8s"
OBJECTS = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(K8S.glob("*.yaml"))}


def pod_templates() -> dict[str, dict[str, Any]]:
    found = {}
    for manifest in OBJECTS.values():
        spec = manifest.get("spec", {})
        template = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
        if template:
            found[f"{manifest['kind']} {manifest['metadata']['name']}"] = template
    return found


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


PODS = pod_templates()
DEPLOYMENT = OBJECTS["deployment.yaml"]
API = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]
CONFIG = OBJECTS["configmap.yaml"]["data"]
