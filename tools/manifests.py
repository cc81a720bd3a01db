"""Derived parts of the manifests in k8s/: `python tools/manifests.py [--check]`.

- The Deployment's pods carry the digest of the ConfigMap's data, so that `kubectl apply` rolls them when it
  changes: plain Kubernetes has no controller that would.
- overlays/base/all.yaml holds every manifest: kustomize takes no file from above its own folder.
- components/monitoring holds docs/alerts.yaml as a PrometheusRule and docs/grafana-dashboard.json as a ConfigMap.
"""

import argparse
import hashlib
import json
import re
import sys
import textwrap
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
K8S = ROOT / "k8s"
DOCS = ROOT / "docs"
DIGEST_LINE = re.compile(r"(?<=churn-mlops/config-sha256: )\S+")
HEADER = "# Every manifest of k8s/, joined by `python tools/manifests.py` for the overlays. Change those, not this.\n"
MONITORING_HEAD = """\
# Made of {source} by `python tools/manifests.py`. Change that, not this.
apiVersion: {version}
kind: {kind}
metadata:
  name: {name}
  namespace: churn-mlops
  labels:
    app: churn-api
    app.kubernetes.io/name: churn-api
    app.kubernetes.io/part-of: churn-mlops
    {label}
"""


def main() -> int:
    """Run the command; returns its exit code: 0, or with `--check` 1 where something is stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if something is stale")
    parser.add_argument("folder", nargs="?", type=Path, default=K8S, help="where the manifests are (default: k8s/)")
    options = parser.parse_args()
    wanted = derived_files(options.folder)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        sys.stdout.write(f"{'stale' if options.check else 'written'}: {path}\n")
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8", newline="\n")
    return 1 if options.check and stale else 0


def derived_files(folder: Path) -> dict[Path, str]:
    """What the derived files in `folder` must hold."""
    config = yaml.safe_load((folder / "configmap.yaml").read_text(encoding="utf-8"))
    deployment = folder / "deployment.yaml"
    stamped = DIGEST_LINE.sub(config_digest(config["data"]), deployment.read_text(encoding="utf-8"))
    manifests = {path: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
    manifests[deployment] = stamped
    return {
        deployment: stamped,
        folder / "overlays" / "base" / "all.yaml": HEADER + "---\n".join(manifests.values()),
        folder / "components" / "monitoring" / "prometheusrule.yaml": prometheus_rule(),
        folder / "components" / "monitoring" / "configmap-dashboard.yaml": dashboard_config(),
    }


def config_digest(data: dict[str, str]) -> str:
    """SHA-256 of the settings, whatever their order."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def prometheus_rule() -> str:
    """The alerts as an object of the Prometheus operator; the label is what kube-prometheus-stack looks for."""
    head = MONITORING_HEAD.format(
        source="docs/alerts.yaml",
        version="monitoring.coreos.com/v1",
        kind="PrometheusRule",
        name="churn-api",
        label="release: kube-prometheus-stack",
    )
    _, key, groups = (DOCS / "alerts.yaml").read_text(encoding="utf-8").partition("groups:\n")
    return f"{head}spec:\n{textwrap.indent(key + groups, '  ')}"


def dashboard_config() -> str:
    """The dashboard as a ConfigMap with the label that Grafana's sidecar looks for."""
    head = MONITORING_HEAD.format(
        source="docs/grafana-dashboard.json",
        version="v1",
        kind="ConfigMap",
        name="churn-dashboard",
        label='grafana_dashboard: "1"',
    )
    dashboard = (DOCS / "grafana-dashboard.json").read_text(encoding="utf-8")
    return f"{head}data:\n  churn-api.json: |\n{textwrap.indent(dashboard, '    ')}"


if __name__ == "__main__":
    sys.exit(main())
