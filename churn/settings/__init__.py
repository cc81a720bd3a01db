"""Settings from the environment: one frozen `Settings`, checked as a whole before anything starts.

Name, default, what is allowed and the meaning stand beside each field; docs/reference/settings.md is made of them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from churn.errors import SettingsError
from churn.settings import variable as v
from churn.settings.bearer import TokenSettings
from churn.settings.environment import Environment
from churn.settings.variable import Variable, number

if TYPE_CHECKING:
    from churn.signing import ModelKey

SERVED, ACCESS, LIMITS, JOURNAL = "What is served", "Access", "Limits of requests", "Journal"
DRIFT, TRACING, OTHERS = "Drift", "Tracing", "Of other software"
TOPICS = (SERVED, ACCESS, LIMITS, JOURNAL, DRIFT, TRACING, OTHERS)
"""Headings of the reference, in its order."""

LOG_LEVELS = ("debug", "info", "warning", "error")
DRAIN_FILE = "/tmp/churn-drain"  # noqa: S108 - only its existence counts, and Kubernetes gives each pod its own /tmp
MODEL_NAME_PATTERN = r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?"
"""BentoML's own rule for names, lower case: at most 63 characters."""
_MODEL_NAME_RULE = "1 to 63 of a-z, 0-9, '_', '.', '-', with a letter or digit at both ends"
_PREFIX_PATTERN = r"(/[A-Za-z0-9._~-]+)*"
_PREFIX_RULE = "a path as /team/churn: a slash first, none last, between them letters, digits, '.', '_', '~', '-'"


@dataclass(frozen=True)
class DriftSettings:
    """Sizes and probabilities that count as drift; docs/drift.md argues each default."""

    distance: float = number(
        "CHURN_DRIFT_DISTANCE",
        DRIFT,
        "shift of a mean, or of a distribution (Wasserstein), that matters, in training standard deviations",
        *(0.2, 0.001, 100.0),
    )
    psi: float = number("CHURN_DRIFT_PSI", DRIFT, "population stability index that matters", 0.2, 0.001, 100.0)
    jensen_shannon: float = number(
        "CHURN_DRIFT_JENSEN_SHANNON", DRIFT, "Jensen-Shannon distance of categories that matters", 0.1, 0.001, 1.0
    )
    share: float = number(
        "CHURN_DRIFT_SHARE",
        DRIFT,
        "share of live rows that are missing (beyond training), out of range, or of an unseen category, that matters",
        *(0.02, 0.001, 1.0),
    )
    alpha: float = number("CHURN_DRIFT_ALPHA", DRIFT, "false-discovery rate over features", 0.01, 1e-9, 0.5)
    z_threshold: float = number(
        "CHURN_DRIFT_Z_THRESHOLD", DRIFT, "threshold of the z-score rule, for its own lines only", 2.0, 0.001, 100.0
    )
    min_rows: int = number("CHURN_DRIFT_MIN_ROWS", DRIFT, "rows that detection needs", 100, 2, 1_000_000_000)


DRIFT_RANGES: dict[str, tuple[float, float]] = {f.name: f.metadata["range"] for f in fields(DriftSettings)}
MIN_ROWS_RANGE: tuple[int, int] = fields(DriftSettings)[-1].metadata["range"]


@dataclass(frozen=True)
class LimitSettings:
    """What the service takes from its clients; docs/operations.md argues each default."""

    body_bytes: int = number(
        "CHURN_MAX_BODY_BYTES", LIMITS, "size of one customer's body; more is 413", 64 * 2**10, 1024, 2**20
    )
    batch_bytes: int = number(
        "CHURN_MAX_BATCH_BYTES", LIMITS, "size of a batch's body; more is 413", 8 * 2**20, 1024, 2**27
    )
    pending_bytes: int = number(
        "CHURN_MAX_PENDING_BYTES",
        LIMITS,
        "size of all larger or unfinished bodies that a worker holds; more is 429; at least `CHURN_MAX_BATCH_BYTES`",
        *(32 * 2**20, 2**20, 2**34),
    )
    header_bytes: int = number(
        "CHURN_MAX_HEADER_BYTES", LIMITS, "size of a request's head; more is 431", 16 * 2**10, 1024, 2**20
    )
    concurrency: int = number(
        "CHURN_MAX_CONCURRENCY",
        LIMITS,
        "predictions that a worker works on at once, those whose body is still coming not counted; more is 429, probes "
        "and metrics never",
        *(512, 1, 100_000),
    )
    connections: int = number(
        "CHURN_MAX_CONNECTIONS",
        LIMITS,
        "connections that a worker keeps open; one more is closed at once",
        *(4096, 1, 100_000),
    )
    request_seconds: float = number(
        "CHURN_REQUEST_SECONDS",
        LIMITS,
        "time in which a request must arrive whole (else 408), and then its answer be taken",
        *(10.0, 0.1, 3600.0),
    )


@dataclass(frozen=True)
class JournalSettings:
    """What the prediction journal keeps; docs/operations.md argues each default."""

    max_bytes: int = number(
        "CHURN_JOURNAL_MAX_BYTES",
        JOURNAL,
        "size of the journal of all processes that share `logs/`; the oldest files go",
        *(2 * 2**30, 64 * 2**20, 2**39),
    )
    batch_share: float = number(
        "CHURN_JOURNAL_BATCH_SHARE",
        JOURNAL,
        "share of the rows of batches that is journalled, chosen at random",
        *(1.0, 0.0, 1.0),
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment may change."""

    model_name: str = v.matching(
        "MODEL_NAME",
        SERVED,
        "BentoML model name that is trained and served",
        *("churn_model_v1", MODEL_NAME_PATTERN, _MODEL_NAME_RULE),
    )
    home: Path = v.folder(
        "CHURN_HOME",
        SERVED,
        "holds `models/`, `registry/`, `logs/`, and `data/`, `schema.toml` if they are there",
        "the current folder; `/app` in the container",
    )
    poll_seconds: float = number("CHURN_POLL_SECONDS", SERVED, "how often the pointer is read", 2.0, 0.05, 3600.0)
    workers: int = number(
        "CHURN_WORKERS", SERVED, "worker processes; in Kubernetes keep one and add replicas", 1, 1, 64
    )
    drain_file: Path = v.file(
        "CHURN_DRAIN_FILE",
        SERVED,
        "when this file appears, `/ready` answers 503 and answers close their connections",
        DRAIN_FILE,
    )
    path_prefix: str = v.matching(
        "CHURN_PATH_PREFIX",
        SERVED,
        "path that a proxy leaves on; one that takes it off needs no setting",
        *("", _PREFIX_PATTERN, _PREFIX_RULE),
    )
    docs: bool = v.switch("CHURN_DOCS", SERVED, "`off` takes the Swagger page and `/docs.json` away")
    log_level: str = v.choice("LOG_LEVEL", SERVED, "at `debug` each request is logged", "info", LOG_LEVELS)
    monitoring: TokenSettings = v.token(
        "MONITORING_TOKEN", ACCESS, "bearer token of protected routes, sent with alerts; without one they are closed"
    )
    predict: TokenSettings = v.token(
        "CHURN_PREDICT_TOKEN",
        ACCESS,
        "bearer token of `/predict`, `/predict/batch` and `/model`; without one they are open",
    )
    model_key: "ModelKey | None" = v.model_key(
        "MODEL_SIGNING_KEY_FILE",
        ACCESS,
        "with a private key training signs models; with either, only models that it signed are served, promoted and "
        "compared with",
    )
    cors_origins: tuple[str, ...] = v.origins(
        "CHURN_CORS_ORIGINS", ACCESS, "origins of web pages that may call the service, separated by commas"
    )
    limits: LimitSettings = v.group(LimitSettings)
    journal: JournalSettings = v.group(JournalSettings)
    drift: DriftSettings = v.group(DriftSettings)
    alert_url: str | None = v.url("CHURN_ALERT_URL", DRIFT, "where drift alerts are POSTed")
    otlp_endpoint: str | None = v.text(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        TRACING,
        "where traces are sent, by OTLP over HTTP; without one nothing is traced. OpenTelemetry's other variables work "
        "too",
    )
    otlp_traces_endpoint: str | None = v.text(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", TRACING, "the same, for traces alone"
    )

    @property
    def tracing(self) -> bool:
        """Whether requests are traced."""
        return bool(self.otlp_endpoint or self.otlp_traces_endpoint)

    @property
    def monitoring_token(self) -> str | None:
        """The token of protected routes and alerts as it was at the start."""
        return self.monitoring.value

    @property
    def models_folder(self) -> Path:
        """Where the exported archive of each model is kept: the mirror on the volume."""
        return self.home / "models"

    @property
    def registry_folder(self) -> Path:
        """Where the pointer and the metadata are kept."""
        return self.home / "registry"

    @property
    def logs_folder(self) -> Path:
        """Where the prediction journal is kept."""
        return self.home / "logs"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check every setting.

    Raises:
        SettingsError: names each variable that holds what it may not, its value (never a secret's) and
            what is allowed.
    """
    reader = Environment(environment)
    settings = v.read(Settings, reader)
    limits = settings.limits
    if limits.pending_bytes < limits.batch_bytes:
        allowed = f"at least CHURN_MAX_BATCH_BYTES, {limits.batch_bytes}"
        reader.refuse("CHURN_MAX_PENDING_BYTES", str(limits.pending_bytes), allowed)
    if reader.problems:
        raise SettingsError("\n".join(reader.problems))
    return settings


VARIABLES = (
    *v.variables_of(Settings),
    Variable("BENTOML_HOME", OTHERS, "BentoML's local store, disposable", "a folder", "~/bentoml"),
    Variable("RAY_ADDRESS", OTHERS, "the Ray cluster of `--engine ray`, where `--address` is not given", "an address"),
)
"""Every environment variable that the code reads."""
