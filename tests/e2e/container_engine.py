"""Runs containers as a kubelet would run those of k8s/: same image, arguments, variables, user, mounts, limits."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import ROOT, wait_until

K8S = ROOT / "k8s"


def manifest(name: str) -> dict[str, Any]:
    return yaml.safe_load((K8S / name).read_text(encoding="utf-8"))


def pod_spec(name: str) -> dict[str, Any]:
    return manifest(name)["spec"]["template"]["spec"]


def find_engine() -> str:
    """Docker if its daemon answers, or else podman; skips where there is neither."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        return "docker"
    if shutil.which("podman"):
        return "podman"
    pytest.skip("neither a Docker daemon nor podman is here")


@dataclass
class Engine:
    """One container engine."""

    name: str

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([self.name, *arguments], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def inspect(self, image: str) -> dict[str, Any]:
        return json.loads(self("image", "inspect", image).stdout)[0]


class Volume:
    """What the PersistentVolumeClaim is: a folder, and the Secret's file beside it."""

    def __init__(self, folder: Path, token: str) -> None:
        self.folder = folder
        for name in ("models", "registry", "logs", "data", "secret"):
            (folder / name).mkdir(parents=True)
            (folder / name).chmod(0o777)  # as the kubelet makes a subPath for the group of the pod
        (folder / "secret" / "MONITORING_TOKEN").write_text(token, encoding="utf-8")

    def scratch(self) -> Path:
        """An emptyDir: like a pod's, it outlives the container."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o777)
        return folder

    def journal_ids(self) -> set[str]:
        lines = [line for file in (self.folder / "logs").glob("predictions*") for line in file.read_text().splitlines()]
        return {json.loads(line)["request_id"] for line in lines}


@dataclass
class Pod:
    """A container that runs in the background."""

    engine: Engine
    name: str
    url: str
    spec: dict[str, Any]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=5)

    def status(self, path: str) -> int:
        try:
            return self.get(path).status_code
        except httpx.TransportError:
            return 0

    def exec(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.engine("exec", self.name, *command, check=check)

    def pre_stop(self) -> subprocess.Popen[bytes]:
        command = self.spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        return subprocess.Popen([self.engine.name, "exec", self.name, *command])

    def logs(self) -> str:
        done = self.engine("logs", self.name, check=False)
        return done.stdout + done.stderr

    def wait_for(self, path: str, status: int, seconds: float) -> float:
        """Seconds until `path` answers with `status`."""
        started = time.monotonic()
        wait_until(lambda: self.status(path) == status, lambda: f"{path} never {status}:\n{self.logs()}", seconds)
        return time.monotonic() - started


def run_flags(name: str, spec: dict[str, Any], volume: Volume) -> list[str]:
    """The words of the engine of this name for a pod's security context, variables and mounts."""
    (container,) = spec["containers"]
    security = spec["securityContext"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    flags = [
        "--network=host",
        "--read-only",
        *(["--read-only-tmpfs=false"] if name == "podman" else []),  # it would make /run and /var/tmp writable
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--user={security['runAsUser']}:{security['runAsGroup']}",
    ]
    variables = manifest("configmap.yaml")["data"] | {item["name"]: item["value"] for item in container["env"]}
    flags += [f"--env={name}={value}" for name, value in variables.items()]
    volumes = {item["name"]: item for item in spec["volumes"]}
    for mount in container["volumeMounts"]:
        source = volumes[mount["name"]]
        if "emptyDir" in source:
            flags.append(f"--volume={volume.scratch()}:{mount['mountPath']}")
        else:
            folder = volume.folder / mount.get("subPath", "secret")
            if "configMap" in source and not folder.exists():  # a test may have put its own there
                folder.write_text(manifest("configmap-schema.yaml")["data"][mount["subPath"]], encoding="utf-8")
            flags.append(f"--volume={folder}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}")
    return flags


def run_to_end(engine: Engine, image: str, spec: dict[str, Any], volume: Volume) -> subprocess.CompletedProcess[str]:
    """Run a Job's container."""
    (container,) = spec["containers"]
    return engine("run", "--rm", *run_flags(engine.name, spec, volume), image, *container["command"], check=False)


def start(engine: Engine, image: str, spec: dict[str, Any], volume: Volume) -> Pod:
    """Start the Deployment's container on a free port of loopback instead of all addresses' 8000."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    name = f"churn-test-{os.getpid()}-{port}"
    words = [port if word == "8000" else word for word in spec["containers"][0]["args"]]
    engine(
        "run", "--detach", "--name", name, *run_flags(engine.name, spec, volume), image, *words, "--host", "127.0.0.1"
    )
    return Pod(engine, name, f"http://127.0.0.1:{port}", spec)


def stop(pod: Pod) -> tuple[int, float]:
    """SIGTERM, then wait for the end as long as the pod's grace period: exit code and seconds."""
    started = time.monotonic()
    pod.engine("kill", "--signal=TERM", pod.name)
    grace = pod.spec["terminationGracePeriodSeconds"]
    done = subprocess.run(
        [pod.engine.name, "wait", pod.name], capture_output=True, text=True, timeout=grace, check=False
    )
    return int(done.stdout.strip().splitlines()[-1]), time.monotonic() - started
