"""A shell for the lab's page whose kubectl reaches one container in the place of a cluster."""

import os
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from tests.e2e.container_engine import Pod

# What kubectl adds to the output of a command that failed is the code's only trace in a terminal.
KUBECTL = """\
#!/bin/sh
case "$1 $2" in
  "exec deploy/churn-api")
    shift 3
    {engine} exec {pod} "$@" || {{ code=$?; echo "command terminated with exit code $code" >&2; exit $code; }};;
  "logs job/churn-train") cat "{job_log}";;
  *) echo "no cluster: $*" >&2; exit 9;;
esac
"""


class LabShell:
    """Runs lines of bash as they are written.

    Args:
        folder: an empty folder.
        pod: the Deployment's container.
        job_log: what the Job wrote.

    """

    def __init__(self, folder: Path, pod: Pod, job_log: str) -> None:
        self._pod = pod
        (folder / "job.log").write_text(job_log, encoding="utf-8")
        script = KUBECTL.format(engine=pod.engine.name, pod=pod.name, job_log=folder / "job.log")
        (folder / "kubectl").write_text(script, encoding="utf-8")
        (folder / "kubectl").chmod(0o755)
        (folder / ".curlrc").write_text("silent\n", encoding="utf-8")  # as at a terminal: no progress meter
        self._environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "CURL_HOME": str(folder)}

    def __call__(self, lines: list[str]) -> subprocess.CompletedProcess[str]:
        """Both outputs as one, as a terminal has them; the node port is the container's."""
        text = "\n".join(lines).replace("http://127.0.0.1:30080", self._pod.url)
        return subprocess.run(
            ["bash", "-c", text],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
