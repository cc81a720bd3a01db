"""Metrics of `GET /metrics`, from the objects that count."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from serving.drift_metrics import DriftMetrics
from serving.journal_metrics import JournalMetrics
from serving.metrics import Metrics


class Described(NamedTuple):
    """A metric, for people."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


def facts() -> dict[str, Any]:
    """The texts of the page."""
    nowhere = Path(tempfile.gettempdir())
    owners = (Metrics(), JournalMetrics(nowhere, 0), DriftMetrics(nowhere))
    return {
        "ours": sorted(_ours(metric for owner in owners for metric in vars(owner).values())),
        "processes": sorted(_of_processes()),
    }


def _ours(values: Iterable[object]) -> Iterable[Described]:
    for value in values:
        if isinstance(value, MetricWrapperBase):
            for family in value.describe():
                yield Described(
                    _exposed(family.name, family.type), family.type, value._labelnames, family.documentation
                )


def _of_processes() -> Iterable[Described]:
    for family in ProcessCollector(registry=None).collect():
        yield Described(_exposed(family.name, family.type), family.type, ("pid",), family.documentation)


def _exposed(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name
