"""Record of a trained model, parsed from its JSON object in `metadata.json`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from churn.registry.tag import Tag, parse_tag
from churn.stored_files import ModelFile

REPORT_HTML, REPORT_JSON = ModelFile.REPORT_HTML.path, ModelFile.REPORT_JSON.path
REPORT_FORMAT = 1
"""Files of a model that hold its report: the page, and all figures. Models of earlier releases have none."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PRUNED = "pruned_at_utc"


@dataclass(frozen=True)
class ModelEntry:
    """What is known of a trained model.

    Attributes:
        tag: the model's tag.
        files: SHA-256 of each file of the model, by plain file name.
        sha256: SHA-256 of the archive.
        model_file: path of the archive from the home on, as recorded.
        report: path of the report's page from the home on, as recorded; None where the model has none.
        passed_gate: whether the gate let it pass.
        trained_at: time of the training, ISO 8601; empty where none is recorded.
        metrics: figures of the evaluation, by name.
        metric_intervals: their 95 % intervals, `[low, high]`.
        pruned_at: when `prune` removed the archive, ISO 8601; empty while it is kept.
        raw: the JSON object as it stands in the file, with the keys that this code does not know.

    """

    tag: Tag
    files: Mapping[str, str]
    sha256: str
    model_file: object
    report: object
    passed_gate: bool
    trained_at: str
    metrics: Mapping[str, Any]
    metric_intervals: Mapping[str, Any]
    pruned_at: str
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, raw: object) -> Self:
        """An entry of the JSON object.

        Raises:
            ValueError: it is none; says why, as the end of a sentence.
        """
        if not isinstance(raw, dict):
            raise ValueError("is not an object")
        text, files, sha256 = raw.get("model_tag"), raw.get("files"), raw.get("sha256")
        tag = parse_tag(text) if isinstance(text, str) else None
        if tag is None:
            raise ValueError("has no valid model_tag")
        if not isinstance(sha256, str) or not _is_digest(sha256):
            raise ValueError(f"({tag}) has no valid sha256")
        if not isinstance(files, dict) or not files:
            raise ValueError(f"({tag}) has no files")
        if not all(is_file_name(name) and _is_digest(digest) for name, digest in files.items()):
            raise ValueError(f"({tag}) has no valid files")
        return cls(
            tag,
            files,
            sha256,
            model_file=raw.get("model_file"),
            report=raw.get("report"),
            passed_gate=bool(raw.get("passed_gate")),
            trained_at=str(raw.get("trained_at_utc", "")),
            metrics=_object(raw.get("metrics")),
            metric_intervals=_object(raw.get("metric_intervals")),
            pruned_at=str(raw.get(_PRUNED) or ""),
            raw=raw,
        )

    def pruned(self, when: str) -> Self:
        """The entry once its archive is removed."""
        return self.parse(self.raw | {_PRUNED: when})


def is_file_name(name: str) -> bool:
    """Whether this names a file in a folder, and nothing outside it."""
    return name not in ("", ".", "..") and not set(name) & set("/\\:\0")


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
