"""k8s/ as a whole: names, schemas, who selects whom, what is derived, the overlay."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.manifest_objects import API, DEPLOYMENT, K8S, OBJECTS, PODS, ROOT, every_value, rendered, validate_schema

MULTI_NODE = K8S / "overlays" / "multi-node"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    # Not this environment's import path: checkov brings its own Python.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_names_are_the_contract():
    names = {manifest["kind"]: manifest["metadata"]["name"] for manifest in OBJECTS.values()}
    assert names["Namespace"] == "churn-mlops"
    assert names["Deployment"] == "churn-api"
    assert names["Service"] == "churn-api-service"
    configs = {manifest["metadata"]["name"] for manifest in OBJECTS.values() if manifest["kind"] == "ConfigMap"}
    assert configs == {"churn-config", "churn-schema"}
    assert names["Secret"] == "churn-secret"
    assert names["PersistentVolumeClaim"] == "churn-storage"
    assert names["Job"] == "churn-train"
    assert names["NetworkPolicy"] == "allow-internal-services"
    assert (API["name"], API["image"], DEPLOYMENT["spec"]["replicas"]) == ("api", "churn-api:v1", 2)
    claim = OBJECTS["persistentvolumeclaim.yaml"]["spec"]
    assert claim["resources"]["requests"]["storage"] == "5Gi"
    port = OBJECTS["service.yaml"]["spec"]["ports"][0]
    assert (OBJECTS["service.yaml"]["spec"]["type"], port["port"], port["nodePort"]) == ("NodePort", 80, 30080)


def test_each_file_holds_one_object_and_is_named_after_its_kind():
    for name, manifest in OBJECTS.items():
        assert re.fullmatch(rf"(\d\d-)?{manifest['kind'].lower()}(-[a-z]+)?\.yaml", name), name


def test_each_file_is_a_step_of_the_walk_through():
    text = (K8S / "README.md").read_text(encoding="utf-8")
    (order,) = re.findall(r"One by one, this order:\n(.*?)\. The pods", text, re.DOTALL)
    assert sorted(re.findall(r"`(.*?)`", order)) == sorted(name.removesuffix(".yaml") for name in OBJECTS)
    assert ("prints twelve lines" in text) == (len(OBJECTS) == 12)


def test_kubectl_reads_the_namespace_first():
    """`kubectl apply -f k8s/` takes the folder's .yaml and .json files in the order of their names."""
    assert OBJECTS[min(path.name for path in K8S.iterdir() if path.suffix in (".yaml", ".yml", ".json"))]["kind"] == (
        "Namespace"
    )


def test_everything_lives_in_the_namespace_whatever_the_current_one_is():
    for name, manifest in OBJECTS.items():
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"].get("namespace") == "churn-mlops", name


@pytest.mark.parametrize("version", ["1.28", "newest"])
def test_schema(version):
    for manifest in OBJECTS.values():
        validate_schema(manifest, version)


def test_selectors_match_the_pods_and_only_them():
    assert DEPLOYMENT["spec"]["selector"] == {"matchLabels": {"app": "churn-api"}}
    assert OBJECTS["service.yaml"]["spec"]["selector"] == {"app": "churn-api"}
    labelled = {pod for pod, template in PODS.items() if template["metadata"]["labels"]["app"] == "churn-api"}
    assert labelled == {"Deployment churn-api"}


def test_every_pod_is_under_the_network_policy_and_beside_the_volume():
    policy = OBJECTS["networkpolicy.yaml"]["spec"]["podSelector"]["matchLabels"]
    for pod, template in PODS.items():
        assert policy.items() <= template["metadata"]["labels"].items(), pod
        ((rule, (term,)),) = template["spec"]["affinity"]["podAffinity"].items()
        # Required of the service, it would leave its pods Pending after a drain: judged by those that still terminate.
        assert rule.startswith("preferred" if pod == "Deployment churn-api" else "required"), pod
        term = term.get("podAffinityTerm", term)
        # Its own labels must match, or the first Job would wait for another pod for ever.
        assert term["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items(), pod


def test_the_policy_opens_the_service_port_only_and_closes_egress():
    spec = OBJECTS["networkpolicy.yaml"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} == {8000}
    assert all(rule.get("from") for rule in spec["ingress"])
    assert all(rule.get("to") and rule.get("ports") for rule in spec["egress"])
    assert "0.0.0.0/0" not in set(every_value(spec["egress"], "cidr"))


def test_autoscaler_finds_the_deployment():
    spec = OBJECTS["horizontalpodautoscaler.yaml"]["spec"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": DEPLOYMENT["apiVersion"],
        "kind": DEPLOYMENT["kind"],
        "name": DEPLOYMENT["metadata"]["name"],
    }
    assert spec["minReplicas"] == DEPLOYMENT["spec"]["replicas"]


def test_what_must_not_be_applied_twice_can_be_left_out_by_its_label():
    once = {name for name, item in OBJECTS.items() if "churn-mlops/once" in item["metadata"].get("labels", {})}
    assert once == {"configmap-schema.yaml", "job.yaml", "secret.yaml"}


def test_derived_files_are_right():
    done = run(sys.executable, "tools/manifests.py", "--check")
    assert done.returncode == 0, f"run `python tools/manifests.py`:\n{done.stdout}"


def test_a_changed_setting_changes_the_pods(tmp_path):
    shutil.copytree(K8S, tmp_path / "k8s")
    config = tmp_path / "k8s" / "configmap.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("LOG_LEVEL: info", "LOG_LEVEL: debug"))
    command = (sys.executable, "tools/manifests.py", str(tmp_path / "k8s"))
    assert run(*command, "--check").returncode == 1
    assert run(*command).returncode == 0
    changed = yaml.safe_load((tmp_path / "k8s" / "deployment.yaml").read_text(encoding="utf-8"))
    annotations = changed["spec"]["template"]["metadata"]["annotations"]
    assert annotations != PODS["Deployment churn-api"]["metadata"]["annotations"]
    assert run(*command, "--check").returncode == 0


def test_overlay_for_several_nodes():
    found = rendered(MULTI_NODE)
    assert len(found) == len(OBJECTS) + 1
    assert found["PersistentVolumeClaim", "churn-storage"]["spec"]["accessModes"] == ["ReadWriteMany"]
    spread = found["Deployment", "churn-api"]["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert (spread[0]["topologyKey"], spread[0]["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "DoNotSchedule")
    assert not list(every_value(list(found.values()), "podAffinity"))
    autoscaler = found["HorizontalPodAutoscaler", "churn-api"]["spec"]
    assert 3 == autoscaler["minReplicas"] == found["Deployment", "churn-api"]["spec"]["replicas"]
    assert autoscaler["maxReplicas"] > OBJECTS["horizontalpodautoscaler.yaml"]["spec"]["maxReplicas"]
    budget = found["PodDisruptionBudget", "churn-api"]["spec"]
    assert (budget["maxUnavailable"], budget["selector"]) == (1, DEPLOYMENT["spec"]["selector"])
    for item in found.values():
        validate_schema(item, "1.28")


@pytest.mark.slow
def test_checkov_finds_nothing_unargued(tmp_path):
    checkov = shutil.which("checkov", path=f"{ROOT / '.checkov' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if checkov is None:
        pytest.skip("checkov is not installed; `make test-slow` installs it")
    (tmp_path / "multi-node.yaml").write_text(yaml.safe_dump_all(rendered(MULTI_NODE).values()), encoding="utf-8")
    for folder in ("k8s", str(tmp_path)):
        done = run(checkov, "--config-file", ".checkov.yaml", "--directory", folder)
        assert done.returncode == 0, done.stdout
        assert "Failed checks: 0" in done.stdout
