"""The servers that are measured side by side: how each is started, and what it is asked."""

import os
from pathlib import Path

from bodies import dataframe_split, instances, open_inference
from places import BIN, ENVIRONMENTS
from running import Contestant
from stage import BENTO, Stage

OWN = "churn-api"
LIMIT = "uvicorn, empty answer"
EMPTY = "BentoML, empty service"
_ON_PORT = ("--host", "127.0.0.1", "--port", "{port}")
_UVICORN = ("-m", "uvicorn", *_ON_PORT, "--no-access-log", "--log-level", "warning")


def contestants(stage: Stage) -> list[Contestant]:
    """All of them, ours first."""
    return [*_own(stage), *_others(stage), _ray(stage), _limit(stage)]


def installed(contestant: Contestant) -> bool:
    """Whether its environment has been made."""
    return contestant.python.exists()


def empty_bento(stage: Stage) -> Contestant:
    """A Bento service that does nothing, for start time and memory."""
    command = (str(BIN / "bentoml"), "serve", "bentoml_empty:Empty", *_ON_PORT)
    return Contestant(
        EMPTY, command, {}, scored=False, environment=stage.environment, python=BIN / "python", package="bentoml"
    )


def _python(name: str) -> Path:
    return ENVIRONMENTS / name / "bin" / "python"


def _own(stage: Stage) -> list[Contestant]:
    record, given = stage.table.record, stage.environment
    bentoml, python = (str(BIN / "bentoml"), "serve"), BIN / "python"
    served = Contestant(
        OWN,
        (*bentoml, BENTO, *_ON_PORT),
        record,
        environment=given,
        folder=stage.home,
        python=python,
        package="churn-api",
    )
    behind = Contestant(
        "churn-api behind BentoML's layers",
        (*bentoml, "behind_bentoml:Behind", *_ON_PORT),
        record,
        environment=given,
        python=python,
        package="bentoml",
    )
    plain = Contestant(
        "BentoML, @bentoml.api",
        (*bentoml, "bentoml_api:Idiomatic", *_ON_PORT),
        record,
        environment=given,
        python=python,
        package="bentoml",
    )
    return [served, behind, plain]


def _limit(stage: Stage) -> Contestant:
    python = BIN / "python"
    command = (str(python), *_UVICORN, "bare:app")
    return Contestant(LIMIT, command, stage.table.record, scored=False, python=python, package="uvicorn")


def _others(stage: Stage) -> list[Contestant]:
    record, given = stage.table.record, stage.environment
    fastapi, mlserver, kserve, mlflow = (_python(name) for name in ("fastapi", "mlserver", "kserve", "mlflow"))
    lean = ("--enable_grpc", "false", "--enable_latency_logging", "false", "--log_config_file", "kserve_logging.json")
    local = ("-h", "127.0.0.1", "-p", "{port}", "--env-manager", "local", "-w", "1")
    return [
        Contestant(
            "FastAPI and pandas",
            (str(fastapi), *_UVICORN, "fastapi_twin:app"),
            record,
            environment=given,
            python=fastapi,
            package="fastapi",
        ),
        Contestant(
            "MLServer",
            (str(mlserver.parent / "mlserver"), "start", str(stage.served)),
            open_inference(record),
            path="/v2/models/churn/infer",
            environment={"MLSERVER_HTTP_PORT": "{port}"},
            python=mlserver,
            package="mlserver",
        ),
        Contestant(
            "KServe",
            (str(kserve), "kserve_model.py", "--http_port", "{port}", *lean),
            instances(record),
            path="/v1/models/churn:predict",
            environment=given,
            python=kserve,
            package="kserve",
        ),
        Contestant(
            "MLflow",
            (str(mlflow.parent / "mlflow"), "models", "serve", "-m", str(stage.mlflow_model), *local),
            dataframe_split(record),
            path="/invocations",
            # It starts `uvicorn`, which takes its options from the environment too, by name.
            environment={"PATH": f"{mlflow.parent}:{os.environ['PATH']}", "UVICORN_ACCESS_LOG": "false"},
            python=mlflow,
            package="mlflow",
        ),
    ]


def _ray(stage: Stage) -> Contestant:
    """In the fast mode of its documentation: HAProxy in front, and straight to the replica."""
    fast = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_SERVE_ENABLE_HA_PROXY": "1"}
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0"}
    kept = {"RAY_TMPDIR": str(stage.folder)}  # else its logs stay
    python = _python("ray")
    return Contestant(
        "Ray Serve",
        (str(python), "ray_deployment.py", "{port}"),
        stage.table.record,
        environment=stage.environment | fast | quiet | kept,
        python=python,
        package="ray",
        restless=True,
    )
