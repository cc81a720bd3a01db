"""A real cluster, spoken to with kubectl; and a load that runs inside it, through the Service."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

# Runs in a pod of the same image: eight kept-alive connections for some seconds, each failure kept.
LOAD = """
import collections, json, sys, threading, time, httpx
url, seconds = sys.argv[1], float(sys.argv[2])
body = {"tenure_months": 48, "num_complaints": 0, "avg_session_minutes": 60, "plan_type": "premium", "region": "EU"}
answers, failures, end = collections.Counter(), [], time.monotonic() + seconds
def load():
    with httpx.Client(timeout=10) as connection:
        while time.monotonic() < end:
            try:
                answer = connection.post(url, json=body)
                answers[answer.status_code] += 1
            except httpx.TransportError as error:
                failures.append(repr(error))
threads = [threading.Thread(target=load) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps({"answers": answers, "failures": failures[:20]}))
"""


@dataclass
class Cluster:
    """One namespace of the cluster that KUBECONFIG names, and the manifests for it."""

    namespace: str
    manifests: Path
    image: str

    def __call__(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments], capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def apply(self) -> str:
        return self("apply", "-f", str(self.manifests))

    def get(self, *what: str) -> dict[str, Any]:
        return json.loads(self("get", *what, "--output", "json"))

    def pods(self) -> list[dict[str, Any]]:
        """The Deployment's pods that are not on their way out."""
        found = self.get("pods", "--selector", "app=churn-api")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod_names(self) -> list[str]:
        return sorted(pod["metadata"]["name"] for pod in self.pods())

    def wait_rolled_out(self, seconds: int = 150) -> None:
        self("rollout", "status", "deployment/churn-api", f"--timeout={seconds}s")

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.manifests / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        subprocess.run([sys.executable, "tools/manifests.py", str(self.manifests)], cwd=ROOT, check=True)

    @contextmanager
    def load(self, seconds: int) -> Iterator[None]:
        """Load through the Service while the block runs; every request must have been answered with 200."""
        name = f"load-{time.monotonic_ns()}"
        container = {
            "name": "load",
            "image": self.image,
            "command": ["python", "-c", LOAD, "http://churn-api-service/predict", str(seconds)],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        spec = {"restartPolicy": "Never", "containers": [container]}
        overrides = json.dumps({"spec": spec})
        self("run", name, f"--image={self.image}", "--restart=Never", f"--overrides={overrides}")
        self("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        yield
        self("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", f"--timeout={seconds + 60}s")
        result = json.loads(self("logs", name).strip().splitlines()[-1])
        assert result["failures"] == []
        assert result["answers"].keys() == {"200"}
        assert result["answers"]["200"] >= 20_000


def copy_manifests(folder: Path, namespace: str, image: str, storage_class: str | None) -> Path:
    """k8s/ for another namespace, image and storage class, on whatever node port is free."""
    shutil.copytree(ROOT / "k8s", folder)
    for path in folder.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("namespace: churn-mlops", f"namespace: {namespace}").replace("churn-api:v1", image)
        if path.name == "00-namespace.yaml":
            text = text.replace("name: churn-mlops", f"name: {namespace}")
        if path.name == "persistentvolumeclaim.yaml" and storage_class:
            text = text.replace("  accessModes:", f"  storageClassName: {storage_class}\n  accessModes:")
        path.write_text(re.sub(r"\n\s+nodePort: \d+", "", text), encoding="utf-8")
    return folder


def make_cluster(folder: Path) -> Cluster:
    namespace = f"churn-e2e-{os.getpid()}"
    image = os.environ.get("CHURN_TEST_IMAGE", "churn-api:v1")
    manifests = copy_manifests(folder / "k8s", namespace, image, os.environ.get("CHURN_TEST_STORAGE_CLASS"))
    return Cluster(namespace, manifests, image)
