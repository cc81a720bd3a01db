"""Drift report: what was compared, what was found, and one sentence of advice.

docs/drift.md documents the JSON form; `FORMAT_VERSION` is raised when a key changes its meaning or goes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from churn.drift.comparison import Check, Comparison, FeatureDrift
from churn.drift.distribution import Numbers
from churn.drift.phrases import summarise
from churn.drift.window import Window
from churn.errors import DriftError
from churn.files import write
from churn.journal.moments import format_moment
from churn.settings import DriftSettings

FORMAT_VERSION = 2


@dataclass(frozen=True)
class LabRule:
    """Result of the rule that this project replaced: drift where |z| of a feature's mean is above a threshold."""

    feature: str
    z: float
    drift: bool

    def __str__(self) -> str:
        return f"{self.feature}: z={abs(self.z):.2f}, drift={self.drift}"


@dataclass(frozen=True)
class Report:
    """Result of drift detection, for the table, the JSON form, the page and the alert.

    Attributes:
        window: the predictions that were compared.
        comparison: drift of each feature and of the predictions.
        settings: thresholds in force.
        trained_at: time of the model's training, ISO 8601; empty where it is not known.
        training_rows: number of training rows.
        created: time of the report.
        descriptions: what the schema says of each feature, by its name.

    """

    window: Window
    comparison: Comparison
    settings: DriftSettings
    trained_at: str
    training_rows: int
    created: datetime
    descriptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """One sentence: what happened, and what to do next."""
        return summarise(self.comparison, self.window.model, self.window.rows)

    @property
    def lab_rules(self) -> tuple[LabRule, ...]:
        """Result of the replaced rule for each numeric feature."""
        scores = [(f.name, f.figures["z"]) for f in self.comparison.features if isinstance(f.training, Numbers)]
        return tuple(LabRule(name, z, abs(z) > self.settings.z_threshold) for name, z in scores)

    def as_json(self) -> dict[str, Any]:
        """The documented form."""
        window = self.window
        return {
            "format_version": FORMAT_VERSION,
            "created_utc": self.created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "model": {
                "tag": window.model,
                "trained_at_utc": self.trained_at,
                "training_rows": self.training_rows,
            },
            "window": {
                "key": window.key,
                "rows": window.rows,
                "first_utc": format_moment(window.first),
                "last_utc": format_moment(window.last),
                "other_models": window.others,
                "broken_lines": window.broken,
                "files": window.files,
                **window.future.as_json(),
            },
            "settings": asdict(self.settings),
            "drift": self.comparison.drift,
            "drifted_features": [feature.name for feature in self.comparison.drifted],
            "summary": self.summary,
            "features": [_feature(feature) for feature in self.comparison.features],
            "prediction": _feature(self.comparison.prediction),
            "lab_rule": [asdict(rule) for rule in self.lab_rules],
        }


def _feature(feature: FeatureDrift) -> dict[str, Any]:
    return {
        "name": feature.name,
        "kind": "number" if isinstance(feature.training, Numbers) else "category",
        "drift": feature.drift,
        "score": feature.score,
        "p_value": feature.p_value,
        "p_adjusted": feature.p_adjusted,
        "failed_checks": list(feature.failed),
        "checks": [_check(check, feature) for check in feature.checks],
        "statistics": dict(feature.figures),
    }


def _check(check: Check, feature: FeatureDrift) -> dict[str, Any]:
    return {
        "name": check.name,
        "failed": check.name in feature.failed,
        "score": check.score,
        "p_value": check.p_value,
        "effects": [asdict(effect) for effect in check.effects],
    }


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files so that a reader finds the old or the new one, never a part.

    Raises:
        DriftError: names the file that cannot be written, and why.
    """
    for path, content in contents.items():
        try:
            write({path: content})
        except OSError as error:
            raise DriftError(f"{path} cannot be written: {error.strerror or error}") from None
