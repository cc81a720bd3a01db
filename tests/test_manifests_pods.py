"""The pods of k8s/ and the service, the image and the settings say the same."""

import base64
import re
import subprocess
from pathlib import Path

import pytest

from churn.schema.reading import BUNDLED, FILE_NAME
from churn.settings import DRAIN_FILE, read_settings
from churn.settings.bearer import PLACEHOLDER_TOKEN
from serving.image import IMAGE
from serving.routes import ROUTES
from tests.manifest_objects import API, CONFIG, DEPLOYMENT, OBJECTS, PODS, ROOT, every_item, every_value

DOCKERFILE = IMAGE.post_commands[-1]
# BentoML's own, which churn/settings does not read.
FOREIGN_SETTINGS = {"BENTOML_HOME"}


class _Asked(dict[str, str]):
    """An environment that remembers which variables were looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key, default=None):
        self.names.add(key)
        return super().get(key, default)


def test_probes_ask_routes_of_the_service():
    paths = {probe: API[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/startup", "readinessProbe": "/ready", "livenessProbe": "/health"}
    polled = {route.path for route in ROUTES if route.is_polled and route.method == "GET"}
    assert set(paths.values()) < polled
    assert PODS["Deployment churn-api"]["metadata"]["annotations"]["prometheus.io/path"] in polled


def test_ports_agree_everywhere():
    (port,) = API["ports"]
    assert port == {"name": "http", "containerPort": 8000}
    assert {API[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} == {"http"}
    assert OBJECTS["service.yaml"]["spec"]["ports"][0]["targetPort"] == "http"
    assert API["args"][API["args"].index("--port") + 1] == "8000"
    assert "EXPOSE 8000" in DOCKERFILE
    assert PODS["Deployment churn-api"]["metadata"]["annotations"]["prometheus.io/port"] == "8000"


def test_every_variable_is_a_setting():
    environment = _Asked()
    read_settings(environment)
    given = {variable["name"] for pod in PODS.values() for env in every_value(pod, "env") for variable in env}
    assert given | set(CONFIG) <= environment.names | FOREIGN_SETTINGS


def test_the_config_is_one_that_the_service_takes(tmp_path):
    settings = read_settings(CONFIG | {"CHURN_HOME": str(tmp_path)})
    assert (settings.model_name, settings.alert_url) == ("churn_model_v1", None)


def test_placeholder_is_the_one_that_the_service_refuses():
    token = base64.b64decode(OBJECTS["secret.yaml"]["data"]["MONITORING_TOKEN"]).decode()
    assert token == PLACEHOLDER_TOKEN
    assert read_settings({"MONITORING_TOKEN": token}).monitoring_token is None


def test_token_file_is_where_the_secret_is_mounted():
    for template in PODS.values():
        (container,) = template["spec"]["containers"]
        variables = {variable["name"]: variable["value"] for variable in container["env"]}
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        expected = f"{mounts['token']}/MONITORING_TOKEN" if "token" in mounts else None
        assert variables.get("MONITORING_TOKEN_FILE") == expected


def test_mounts_are_the_folders_of_churn_home():
    home = Path(CONFIG["CHURN_HOME"])
    folders = read_settings({})
    expected = {
        str(home / getattr(folders, name).name): getattr(folders, name).name
        for name in ("models_folder", "registry_folder", "logs_folder")
    }
    assert f"CHURN_HOME={home}" in DOCKERFILE
    for pod, template in PODS.items():
        mounts = [mount for mount in template["spec"]["containers"][0]["volumeMounts"] if mount["name"] == "storage"]
        paths = {mount["mountPath"]: mount["subPath"] for mount in mounts if mount["subPath"] != "data"}
        assert paths == expected, pod
        # The image's environment lies in /app/.venv.
        assert str(home) not in paths, pod


def test_schema_is_the_bundled_one_and_only_training_mounts_it():
    config = OBJECTS["configmap-schema.yaml"]
    assert config["data"] == {FILE_NAME: BUNDLED.read_text(encoding="utf-8")}, "copy schemas/churn.toml into it"
    training = [pod for pod, template in PODS.items() if "src/train.py" in map(str, every_item(template))]
    mounting = [pod for pod, template in PODS.items() if config["metadata"]["name"] in every_item(template)]
    assert mounting == training == ["CronJob churn-retrain", "Job churn-train"]
    for pod in mounting:
        spec = PODS[pod]["spec"]
        (volume,) = (volume for volume in spec["volumes"] if "configMap" in volume)
        (mount,) = (mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == volume["name"])
        # A file in a folder that holds others: a mount of the whole ConfigMap would hide these.
        assert (mount["mountPath"], mount["subPath"]) == (f"{CONFIG['CHURN_HOME']}/{FILE_NAME}", FILE_NAME)
        assert mount["readOnly"] is True


def test_every_mount_has_its_volume():
    for pod, template in PODS.items():
        volumes = {volume["name"] for volume in template["spec"]["volumes"]}
        mounts = {mount["name"] for mount in template["spec"]["containers"][0]["volumeMounts"]}
        assert mounts == volumes, pod
        for volume in template["spec"]["volumes"]:
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], pod


@pytest.mark.parametrize("pod", PODS)
def test_pods_are_restricted(pod):
    spec = PODS[pod]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] >= 10000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for kind in ("requests", "limits"):
        assert {"cpu", "memory", "ephemeral-storage"} <= container["resources"][kind].keys()


def test_images_have_one_version_and_it_is_not_latest():
    images = {template["spec"]["containers"][0]["image"] for template in PODS.values()}
    assert images == {"churn-api:v1"}
    versions = {template["metadata"]["labels"]["app.kubernetes.io/version"] for template in PODS.values()}
    assert versions == {"v1"}


def test_grace_period_is_longer_than_drain_and_shutdown():
    (_, _, script) = API["lifecycle"]["preStop"]["exec"]["command"]
    drain = int(re.search(r"sleep (\d+)", script)[1])
    shutdown = int(API["args"][API["args"].index("--timeout-graceful-shutdown") + 1])
    assert drain + shutdown < DEPLOYMENT["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    # Kept-alive clients have the drain to leave in; the readiness probe fails within it too.
    readiness = API["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] < drain


def test_prestop_makes_the_file_that_the_service_looks_for(tmp_path):
    drain_file = tmp_path / "drain"
    command = [word.replace("sleep 15", "true") for word in API["lifecycle"]["preStop"]["exec"]["command"]]
    subprocess.run(command, env={"PATH": "/usr/bin:/bin", "CHURN_DRAIN_FILE": str(drain_file)}, check=True)
    assert drain_file.exists()
    variables = {variable["name"]: variable["value"] for variable in API["env"]}
    assert variables["CHURN_DRAIN_FILE"] == DRAIN_FILE
    assert any(mount["mountPath"] == str(Path(DRAIN_FILE).parent) for mount in API["volumeMounts"])


def test_images_serve_as_the_deployment_does():
    """`docker run churn-api:v1`, `docker run churn-api-serve:v1` and the pod start the same command."""
    commands = re.findall(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert [word.strip().strip('"') for word in command.split(",")] == API["args"]


def test_no_restart_while_the_first_model_is_trained():
    startup = API["startupProbe"]
    patience = startup["periodSeconds"] * startup["failureThreshold"]
    assert patience >= OBJECTS["job.yaml"]["spec"]["activeDeadlineSeconds"]
    assert DEPLOYMENT["spec"]["progressDeadlineSeconds"] > patience


def test_rollout_leaves_no_gap():
    rolling = DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]
    assert (rolling["maxUnavailable"], rolling["maxSurge"]) == (0, 1)


def test_jobs_run_the_commands_and_do_not_repeat_a_refusal():
    specs = {
        "job.yaml": OBJECTS["job.yaml"]["spec"],
        **{
            name: OBJECTS[name]["spec"]["jobTemplate"]["spec"]
            for name in ("cronjob-drift.yaml", "cronjob-retrain.yaml")
        },
    }
    refusals = {"job.yaml": {3}, "cronjob-retrain.yaml": {3}, "cronjob-drift.yaml": {2, 3, 4}}
    for name, spec in specs.items():
        (container,) = spec["template"]["spec"]["containers"]
        assert container["command"][0] == "python"
        assert (ROOT / Path(container["command"][1]).relative_to("src")).exists(), name
        rule = spec["podFailurePolicy"]["rules"][0]
        assert rule["action"] == "FailJob"
        assert set(rule["onExitCodes"]["values"]) == refusals[name]
        assert rule["onExitCodes"]["containerName"] == container["name"]
        assert spec["activeDeadlineSeconds"] > 0
        assert spec["ttlSecondsAfterFinished"] > 0
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert OBJECTS["cronjob-retrain.yaml"]["spec"]["suspend"] is True
    assert "suspend" not in OBJECTS["cronjob-drift.yaml"]["spec"]
