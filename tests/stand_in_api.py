"""Kubernetes API stand-in for `kubectl apply`: it keeps objects in the form in which an API server gives them back.

What kubectl makes of that form, created, configured or unchanged, is kubectl's own arithmetic. Only the form is
imitated: what the server drops, writes in another way, or adds.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# Path of an API group's version, and the kinds that k8s/ uses of it.
GROUPS = {
    "api/v1": ["Namespace", "ConfigMap", "Secret", "PersistentVolumeClaim", "Service"],
    "apis/apps/v1": ["Deployment"],
    "apis/batch/v1": ["Job", "CronJob"],
    "apis/networking.k8s.io/v1": ["NetworkPolicy"],
    "apis/autoscaling/v2": ["HorizontalPodAutoscaler"],
}
PLURALS = {"NetworkPolicy": "networkpolicies"}
# What a server adds to the mapping under a key, or to each mapping of the list there.
DEFAULTS: dict[str, dict[str, Any]] = {
    "strategy": {"type": "RollingUpdate"},
    "ports": {"protocol": "TCP"},
    "onPodConditions": {"status": "True"},
    "httpGet": {"scheme": "HTTP"},
    "startupProbe": {"successThreshold": 1},
    "readinessProbe": {"successThreshold": 1},
    "livenessProbe": {"successThreshold": 1},
    "containers": {"imagePullPolicy": "Always", "terminationMessagePath": "/dev/termination-log"},
    "secret": {"defaultMode": 420},
    "configMap": {"defaultMode": 420},
    "behavior": {"scaleUp": {"selectPolicy": "Max"}},
    "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
}
QUANTITIES = {"cpu", "memory", "ephemeral-storage", "storage", "sizeLimit"}
UNITS = {"m": Decimal("0.001"), "": Decimal(1), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30)}


def as_stored(manifest: dict[str, Any]) -> dict[str, Any]:
    """The object as a server gives it back."""
    kept: dict[str, Any] = _stored(manifest)
    for name, text in kept.pop("stringData", {}).items():
        kept.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()
    return kept


def _stored(node: Any, key: str = "") -> Any:
    if isinstance(node, list):
        return [_stored(value, key) for value in node]
    if isinstance(node, dict):
        kept = {name: _stored(value, name) for name, value in node.items() if value not in ([], None)}
        return DEFAULTS.get(key, {}) | kept
    return canonical(str(node)) if key in QUANTITIES else node


def canonical(quantity: str) -> str:
    """The quantity with the largest unit that leaves a whole number: 1024Mi is 1Gi, 0.5 is 500m."""
    unit = quantity.lstrip("0123456789.")
    amount = Decimal(quantity.removesuffix(unit)) * UNITS[unit]
    fitting = [name for name in (["Gi", "Mi", "Ki"] if "i" in unit else []) if amount % UNITS[name] == 0]
    name = fitting[0] if fitting else "" if amount % 1 == 0 else "m"
    return f"{int(amount / UNITS[name])}{name}"


class _Api(BaseHTTPRequestHandler):
    """Discovery, and objects by their path; a class of its own for each stand-in, which holds its objects."""

    objects: dict[str, dict[str, Any]]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        found = _discovery().get(path) or self.objects.get(path)
        self._answer(200, found) if found else self._answer(404, _not_found())

    def do_POST(self) -> None:
        made = as_stored(json.loads(self._body()))
        self.objects[f"{self.path.partition('?')[0].strip('/')}/{made['metadata']['name']}"] = made
        self._answer(201, made)

    def do_PATCH(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        self._body()
        self._answer(200, self.objects[path])

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is kubectl's."""


def _not_found() -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def _discovery() -> dict[str, dict[str, Any]]:
    """What kubectl asks to learn which kinds there are."""
    groups = []
    for path in list(GROUPS)[1:]:
        _, group, version = path.split("/")
        known = {"groupVersion": f"{group}/{version}", "version": version}
        groups.append({"name": group, "versions": [known], "preferredVersion": known})
    found: dict[str, dict[str, Any]] = {
        "version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
        "api": {"kind": "APIVersions", "versions": ["v1"]},
        "apis": {"kind": "APIGroupList", "groups": groups},
    }
    for path, kinds in GROUPS.items():
        resources = [
            {
                "name": PLURALS.get(kind, f"{kind.lower()}s"),
                "kind": kind,
                "namespaced": kind != "Namespace",
                "verbs": ["create", "get", "list", "patch"],
            }
            for kind in kinds
        ]
        version = path.partition("/")[2]
        found[path] = {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
    return found


@contextmanager
def stand_in() -> Iterator[str]:
    """A stand-in on loopback, empty at first: its address."""
    api = type("Api", (_Api,), {"objects": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), api) as server:
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
