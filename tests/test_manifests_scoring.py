"""k8s/scoring: applied by name only, valid, and as restricted as the other manifests."""

import pytest
import yaml

from tests.manifest_objects import K8S, OBJECTS, PODS, ROOT, validate_schema

SCORING = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (K8S / "scoring").glob("*.yaml")}
JOB, RAY = SCORING["job.yaml"], SCORING["rayjob.yaml"]
RAY_CLUSTER = RAY["spec"]["rayClusterSpec"]
TEMPLATES = {
    "job": JOB["spec"]["template"],
    "head": RAY_CLUSTER["headGroupSpec"]["template"],
    "worker": RAY_CLUSTER["workerGroupSpecs"][0]["template"],
}


def test_the_whole_folder_is_applied_without_them():
    """`kubectl apply -f k8s/` does not look into folders, and kustomize takes what it is told."""
    assert not {manifest["metadata"]["name"] for manifest in SCORING.values()} & {
        manifest["metadata"]["name"] for manifest in OBJECTS.values()
    }
    assert "churn-score" not in (K8S / "overlays" / "base" / "all.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("version", ["1.28", "newest"])
def test_schema(version):
    pods = [
        {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": name}, "template": template}
        for name, template in TEMPLATES.items()
    ]
    for manifest in [JOB, SCORING["networkpolicy.yaml"], *pods]:  # a RayJob has a schema of its own
        validate_schema(manifest, version)


def test_both_run_the_command_of_the_image():
    assert JOB["spec"]["template"]["spec"]["containers"][0]["command"][:2] == ["python", "src/score.py"]
    assert RAY["spec"]["entrypoint"].startswith("python /home/bentoml/bento/src/score.py s3://")
    assert RAY["spec"]["entrypoint"].endswith("--engine ray")
    assert "score.py" in (ROOT / "bentofile.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TEMPLATES)
def test_pods_are_as_restricted_as_the_others(name):
    spec, other = TEMPLATES[name]["spec"], PODS["Job churn-train"]["spec"]
    for key in ("securityContext", "automountServiceAccountToken", "enableServiceLinks"):
        assert spec[key] == other[key], key
    (container,) = spec["containers"]
    assert container["securityContext"] == other["containers"][0]["securityContext"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
    for kind in ("requests", "limits"):
        assert {"cpu", "memory", "ephemeral-storage"} <= container["resources"][kind].keys()
    labels = TEMPLATES[name]["metadata"]["labels"]
    policy = OBJECTS["networkpolicy.yaml"]["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= labels.items()
    if name != "job":
        assert SCORING["networkpolicy.yaml"]["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_the_job_repeats_no_refusal():
    rule = JOB["spec"]["podFailurePolicy"]["rules"][0]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [2, 4])
    assert rule["onExitCodes"]["containerName"] == JOB["spec"]["template"]["spec"]["containers"][0]["name"]
