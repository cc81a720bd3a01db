"""k8s/components/monitoring: what Prometheus scrapes, the alerts and the dashboard, as an overlay takes them in."""

import json

import yaml

from tests.manifest_objects import API, K8S, OBJECTS, ROOT, rendered

FOLDER = K8S / "components" / "monitoring"
MONITOR, RULE, DASHBOARD = (
    yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    for name in ("servicemonitor.yaml", "prometheusrule.yaml", "configmap-dashboard.yaml")
)


def test_prometheus_finds_the_service_and_its_port():
    service = OBJECTS["service.yaml"]
    assert MONITOR["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert MONITOR["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert MONITOR["spec"]["jobLabel"] in service["metadata"]["labels"]
    (endpoint,) = MONITOR["spec"]["endpoints"]
    (port,) = service["spec"]["ports"]
    assert endpoint["port"] == port["name"]
    assert port["targetPort"] in {port["name"] for port in API["ports"]}
    assert endpoint["path"] == "/metrics"


def test_the_network_policy_lets_prometheus_in():
    """It is of another namespace than the pods: the one in which the usual charts put it."""
    labels = {
        "namespaceSelector": {"kubernetes.io/metadata.name": "monitoring"},
        "podSelector": {"app.kubernetes.io/name": "prometheus"},
    }
    sender = {name: {"matchLabels": value} for name, value in labels.items()}
    (rule,) = [rule for rule in OBJECTS["networkpolicy.yaml"]["spec"]["ingress"] if sender in rule["from"]]
    assert [port["port"] for port in rule["ports"]] == [API["ports"][0]["containerPort"]]


def test_alerts_and_dashboard_are_those_of_the_documents():
    assert RULE["spec"] == yaml.safe_load((ROOT / "docs" / "alerts.yaml").read_text(encoding="utf-8"))
    (text,) = DASHBOARD["data"].values()
    assert json.loads(text) == json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))


def test_the_operator_and_grafana_look_for_these_labels():
    assert MONITOR["metadata"]["labels"]["release"] == RULE["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert DASHBOARD["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_the_overlay_adds_them_to_all_manifests():
    found = rendered(K8S / "overlays" / "monitoring")
    for item in (*OBJECTS.values(), MONITOR, RULE, DASHBOARD):
        assert found.pop((item["kind"], item["metadata"]["name"])) == item
    assert not found


def test_a_plain_apply_leaves_them_out():
    """`kubectl apply -f k8s/` takes one folder: a cluster without the operator would refuse its kinds."""
    assert {item["apiVersion"] for item in OBJECTS.values()}.isdisjoint({MONITOR["apiVersion"]})
