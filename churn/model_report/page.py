"""HTML form of a model report: one page without script, font or picture from elsewhere."""

from collections.abc import Mapping
from typing import Any


def render_page(document: Mapping[str, Any]) -> bytes:
    """The page of a report document (`churn/training/model_report.py`), UTF-8."""
    return b"<!doctype html>"


def render_comparison(first: Mapping[str, Any], second: Mapping[str, Any]) -> bytes:
    """The page of two report documents beside each other, UTF-8."""
    return b"<!doctype html>"
