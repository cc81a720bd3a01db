"""The only reader of the environment: one frozen `Settings`, checked as a whole before anything starts."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from churn.bearer import PLACEHOLDER_TOKEN, TokenSettings, read_token_file
from churn.errors import SettingsError
from churn.limits import LimitSettings
from churn.signing import ModelKey, read_model_key

LOG_LEVELS = ("debug", "info", "warning", "error")
DRAIN_FILE = "/tmp/churn-drain"  # noqa: S108 - only its existence counts, and Kubernetes gives each pod its own /tmp
MODEL_NAME_PATTERN = r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?"
"""BentoML's own rule for names, lower case: at most 63 characters."""


DRIFT_RANGES = {
    "distance": (0.001, 100.0),
    "psi": (0.001, 100.0),
    "jensen_shannon": (0.001, 1.0),
    "share": (0.001, 1.0),
    "alpha": (1e-9, 0.5),
    "z_threshold": (0.001, 100.0),
}
"""What each threshold of `DriftSettings` may be, inclusive."""
MIN_ROWS_RANGE = (2, 1_000_000_000)


@dataclass(frozen=True)
class DriftSettings:
    """What drift counts as large, and as too unlikely to be chance; docs/drift.md argues each default.

    Attributes:
        distance: of a mean, or of a distribution (Wasserstein), in training standard deviations.
        psi: population stability index.
        jensen_shannon: Jensen-Shannon distance of categories, 0 to 1.
        share: of live rows that are missing (beyond training), out of range, or of an unseen category.
        alpha: false-discovery rate over features.
        z_threshold: the replaced rule's threshold, for its own lines only.
        min_rows: fewer are not judged.

    """

    distance: float = 0.2
    psi: float = 0.2
    jensen_shannon: float = 0.1
    share: float = 0.02
    alpha: float = 0.01
    z_threshold: float = 2.0
    min_rows: int = 100


@dataclass(frozen=True)
class Settings:
    """What the environment may change. README, "Settings", lists the same names, defaults and meanings."""

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
    docs: bool
    model_key: ModelKey | None = field(repr=False)

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
    reader = _Reader(environment)
    settings = Settings(
        model_name=reader.model_name(),
        log_level=reader.log_level(),
        home=reader.home(),
        poll_seconds=reader.seconds("CHURN_POLL_SECONDS", default=2.0, minimum=0.05, maximum=3600.0),
        monitoring=reader.token("MONITORING_TOKEN"),
        predict=reader.token("CHURN_PREDICT_TOKEN"),
        alert_url=reader.url("CHURN_ALERT_URL"),
        drain_file=Path(reader.text("CHURN_DRAIN_FILE") or DRAIN_FILE),
        drift=reader.drift(),
        limits=reader.limits(),
        docs=reader.switch("CHURN_DOCS", default=True),
        model_key=reader.model_key("MODEL_SIGNING_KEY_FILE"),
        workers=reader.count("CHURN_WORKERS", default=1, minimum=1, maximum=64),
        tracing=bool(reader.text("OTEL_EXPORTER_OTLP_ENDPOINT") or reader.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")),
    )
    if reader.problems:
        raise SettingsError("\n".join(reader.problems))
    return settings


class _Reader:
    """Reads one environment and collects what is wrong with it, so that all is reported at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        value = self.environment.get(name, "").strip()
        return value or None

    def model_name(self) -> str:
        value = self.text("MODEL_NAME") or "churn_model_v1"
        if not re.fullmatch(MODEL_NAME_PATTERN, value):
            self._refuse(
                "MODEL_NAME",
                value,
                "1 to 63 of a-z, 0-9, '_', '.', '-', with a letter or digit at both ends",
            )
        return value

    def log_level(self) -> str:
        value = (self.text("LOG_LEVEL") or "info").lower()
        if value not in LOG_LEVELS:
            self._refuse("LOG_LEVEL", value, ", ".join(LOG_LEVELS))
        return value

    def home(self) -> Path:
        value = Path(self.text("CHURN_HOME") or Path.cwd())
        if not os.path.isdir(value):  # noqa: PTH112 - Path.is_dir raises where the name is too long
            self._refuse("CHURN_HOME", str(value), "a folder that exists")
        return value.absolute()

    def seconds(self, name: str, default: float, minimum: float, maximum: float) -> float:
        return self.number(name, default, minimum, maximum, kind="a number of seconds")

    def count(self, name: str, default: int, minimum: int, maximum: int) -> int:
        return int(self.number(name, default, minimum, maximum, kind="a whole number", whole=True))

    def drift(self) -> DriftSettings:
        usual, ranges = DriftSettings(), DRIFT_RANGES
        return DriftSettings(
            distance=self.number("CHURN_DRIFT_DISTANCE", usual.distance, *ranges["distance"]),
            psi=self.number("CHURN_DRIFT_PSI", usual.psi, *ranges["psi"]),
            jensen_shannon=self.number("CHURN_DRIFT_JENSEN_SHANNON", usual.jensen_shannon, *ranges["jensen_shannon"]),
            share=self.number("CHURN_DRIFT_SHARE", usual.share, *ranges["share"]),
            alpha=self.number("CHURN_DRIFT_ALPHA", usual.alpha, *ranges["alpha"]),
            z_threshold=self.number("CHURN_DRIFT_Z_THRESHOLD", usual.z_threshold, *ranges["z_threshold"]),
            min_rows=self.count("CHURN_DRIFT_MIN_ROWS", usual.min_rows, *MIN_ROWS_RANGE),
        )

    def limits(self) -> LimitSettings:
        usual = LimitSettings()
        limits = LimitSettings(
            body_bytes=self.count("CHURN_MAX_BODY_BYTES", usual.body_bytes, 1024, 2**20),
            batch_bytes=self.count("CHURN_MAX_BATCH_BYTES", usual.batch_bytes, 1024, 2**27),
            pending_bytes=self.count("CHURN_MAX_PENDING_BYTES", usual.pending_bytes, 2**20, 2**34),
            header_bytes=self.count("CHURN_MAX_HEADER_BYTES", usual.header_bytes, 1024, 2**20),
            concurrency=self.count("CHURN_MAX_CONCURRENCY", usual.concurrency, 1, 100_000),
            connections=self.count("CHURN_MAX_CONNECTIONS", usual.connections, 1, 100_000),
            request_seconds=self.seconds("CHURN_REQUEST_SECONDS", usual.request_seconds, 0.1, 3600.0),
        )
        if limits.pending_bytes < limits.batch_bytes:
            allowed = f"at least CHURN_MAX_BATCH_BYTES, {limits.batch_bytes}"
            self._refuse("CHURN_MAX_PENDING_BYTES", str(limits.pending_bytes), allowed)
        return limits

    def switch(self, name: str, *, default: bool) -> bool:
        value = (self.text(name) or ("on" if default else "off")).lower()
        if value not in ("on", "off"):
            self._refuse(name, value, "on, off")
        return value == "on"

    def number(
        self, name: str, default: float, minimum: float, maximum: float, *, kind: str = "a number", whole: bool = False
    ) -> float:
        value = self.text(name)
        if value is None:
            return default
        try:
            # Python alone would take 1_0 and digits of other scripts.
            plain = value if value.isascii() and "_" not in value else ""
            number = float(int(plain) if whole else float(plain))
        except (ValueError, OverflowError):
            number = float("nan")
        if not minimum <= number <= maximum:
            self._refuse(name, value, f"{kind} from {minimum:.12g} to {maximum:.12g}")
            return default
        return number

    def url(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not _is_web_address(value):
            # The value may carry a secret path (a webhook), so it is not repeated.
            self.problems.append(f"{name} is not a web address; allowed: http://... or https://...")
        return value

    def token(self, name: str) -> TokenSettings:
        """A token from the variable, or else from the file that `<name>_FILE` names. The placeholder is none."""
        value = self.text(name)
        path = self.text(f"{name}_FILE")
        if value is not None or path is None:
            return TokenSettings(None if value == PLACEHOLDER_TOKEN else value, None, value is not None)
        try:
            return TokenSettings(read_token_file(Path(path)), Path(path), asked_for=True)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self.problems.append(
                f"{name}_FILE={path!r} cannot be read ({reason}); allowed: a readable UTF-8 file that holds the token"
            )
        return TokenSettings(None, None, asked_for=True)

    def model_key(self, name: str) -> ModelKey | None:
        path = self.text(name)
        if path is None:
            return None
        try:
            return read_model_key(Path(path))
        except OSError as error:
            reason = error.strerror
        except ValueError:
            reason = "it holds something else"
        allowed = "an Ed25519 key, private or public, unencrypted PEM (`openssl genpkey -algorithm ed25519` makes one)"
        self.problems.append(f"{name}={path!r} cannot be used ({reason}); allowed: a readable file with {allowed}")
        return None

    def _refuse(self, name: str, value: str, allowed: str) -> None:
        self.problems.append(f"{name}={value!r} is not allowed; allowed: {allowed}")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and not re.search(r"\s", text)
        )
    except ValueError:  # brackets that are no IPv6 address, or a port that is none
        return False
