"""Settings from the environment: one frozen `Settings`, checked as a whole before anything starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from churn.errors import SettingsError
from churn.settings.bearer import TokenSettings
from churn.settings.environment import Environment, setting

if TYPE_CHECKING:
    from churn.signing import ModelKey

LOG_LEVELS = ("debug", "info", "warning", "error")
DRAIN_FILE = "/tmp/churn-drain"  # noqa: S108 - only its existence counts, and Kubernetes gives each pod its own /tmp
MODEL_NAME_PATTERN = r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?"
"""BentoML's own rule for names, lower case: at most 63 characters."""
_MODEL_NAME_RULE = "1 to 63 of a-z, 0-9, '_', '.', '-', with a letter or digit at both ends"
_PREFIX_PATTERN = r"(/[A-Za-z0-9._~-]+)*"
_PREFIX_RULE = "a path as /team/churn: a slash first, none last, between them letters, digits, '.', '_', '~', '-'"


@dataclass(frozen=True)
class DriftSettings:
    """Sizes and probabilities that count as drift; docs/drift.md argues each default.

    Attributes:
        distance: shift of a mean, or of a distribution (Wasserstein), in training standard deviations.
        psi: population stability index.
        jensen_shannon: Jensen-Shannon distance of categories, 0 to 1.
        share: share of live rows that are missing (beyond training), out of range, or of an unseen category.
        alpha: false-discovery rate over features.
        z_threshold: the replaced rule's threshold, for its own lines only.
        min_rows: rows that detection needs.

    """

    distance: float = setting("CHURN_DRIFT_DISTANCE", 0.2, 0.001, 100.0)
    psi: float = setting("CHURN_DRIFT_PSI", 0.2, 0.001, 100.0)
    jensen_shannon: float = setting("CHURN_DRIFT_JENSEN_SHANNON", 0.1, 0.001, 1.0)
    share: float = setting("CHURN_DRIFT_SHARE", 0.02, 0.001, 1.0)
    alpha: float = setting("CHURN_DRIFT_ALPHA", 0.01, 1e-9, 0.5)
    z_threshold: float = setting("CHURN_DRIFT_Z_THRESHOLD", 2.0, 0.001, 100.0)
    min_rows: int = setting("CHURN_DRIFT_MIN_ROWS", 100, 2, 1_000_000_000)


DRIFT_RANGES: dict[str, tuple[float, float]] = {f.name: f.metadata["range"] for f in fields(DriftSettings)}
MIN_ROWS_RANGE: tuple[int, int] = fields(DriftSettings)[-1].metadata["range"]


@dataclass(frozen=True)
class LimitSettings:
    """What the service takes from its clients; docs/operations.md argues each default.

    Attributes:
        body_bytes: size of one customer's body.
        batch_bytes: size of a batch's body.
        pending_bytes: size of all bodies that a worker holds at once.
        header_bytes: size of a request's head.
        concurrency: requests that a worker works on at once, those whose body is still coming not counted.
        connections: connections that a worker keeps open.
        request_seconds: time in which a request must arrive whole, and then its answer be taken.

    """

    body_bytes: int = setting("CHURN_MAX_BODY_BYTES", 64 * 2**10, 1024, 2**20)
    batch_bytes: int = setting("CHURN_MAX_BATCH_BYTES", 8 * 2**20, 1024, 2**27)
    pending_bytes: int = setting("CHURN_MAX_PENDING_BYTES", 32 * 2**20, 2**20, 2**34)
    header_bytes: int = setting("CHURN_MAX_HEADER_BYTES", 16 * 2**10, 1024, 2**20)
    concurrency: int = setting("CHURN_MAX_CONCURRENCY", 512, 1, 100_000)
    connections: int = setting("CHURN_MAX_CONNECTIONS", 4096, 1, 100_000)
    request_seconds: float = setting("CHURN_REQUEST_SECONDS", 10.0, 0.1, 3600.0)


@dataclass(frozen=True)
class JournalSettings:
    """What the prediction journal keeps; docs/operations.md argues each default.

    Attributes:
        max_bytes: size of all files of all processes that share the folder.
        batch_share: share of the rows of batches that are journalled, chosen at random.

    """

    max_bytes: int = setting("CHURN_JOURNAL_MAX_BYTES", 2 * 2**30, 64 * 2**20, 2**39)
    batch_share: float = setting("CHURN_JOURNAL_BATCH_SHARE", 1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Settings:
    """What the environment may change. README, "Settings", has the names, defaults and meanings."""

    model_name: str
    log_level: str
    home: Path
    poll_seconds: float
    monitoring: TokenSettings
    predict: TokenSettings
    alert_url: str | None = field(repr=False)
    tracing: bool
    drain_file: Path
    workers: int
    drift: DriftSettings
    limits: LimitSettings
    journal: JournalSettings
    docs: bool
    model_key: "ModelKey | None" = field(repr=False)
    cors_origins: tuple[str, ...]
    path_prefix: str

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
    limits = LimitSettings(**reader.numbers(fields(LimitSettings)))
    if limits.pending_bytes < limits.batch_bytes:
        allowed = f"at least CHURN_MAX_BATCH_BYTES, {limits.batch_bytes}"
        reader.refuse("CHURN_MAX_PENDING_BYTES", str(limits.pending_bytes), allowed)
    settings = Settings(
        model_name=reader.matching("MODEL_NAME", "churn_model_v1", MODEL_NAME_PATTERN, _MODEL_NAME_RULE),
        log_level=reader.choice("LOG_LEVEL", "info", LOG_LEVELS),
        home=reader.folder("CHURN_HOME"),
        poll_seconds=reader.number("CHURN_POLL_SECONDS", 2.0, 0.05, 3600.0),
        monitoring=reader.token("MONITORING_TOKEN"),
        predict=reader.token("CHURN_PREDICT_TOKEN"),
        alert_url=reader.url("CHURN_ALERT_URL"),
        drain_file=Path(reader.text("CHURN_DRAIN_FILE") or DRAIN_FILE),
        drift=DriftSettings(**reader.numbers(fields(DriftSettings))),
        limits=limits,
        journal=JournalSettings(**reader.numbers(fields(JournalSettings))),
        docs=reader.choice("CHURN_DOCS", "on", ("on", "off")) == "on",
        model_key=reader.model_key("MODEL_SIGNING_KEY_FILE"),
        cors_origins=reader.origins("CHURN_CORS_ORIGINS"),
        path_prefix=reader.matching("CHURN_PATH_PREFIX", "", _PREFIX_PATTERN, _PREFIX_RULE),
        workers=reader.number("CHURN_WORKERS", 1, 1, 64),
        tracing=bool(reader.text("OTEL_EXPORTER_OTLP_ENDPOINT") or reader.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")),
    )
    if reader.problems:
        raise SettingsError("\n".join(reader.problems))
    return settings
