"""HTML form of a model report: one page without script, font or picture from elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churn.model_report import charts, phrases, rows
from churn.model_report.comparison import facts, metric_pairs, same_rows, schema_differences
from churn.page.chart import Chart
from churn.page.template import page_environment

_MOST_CHAMPION_SEGMENTS = 10
_MOST_COLUMNS = 200
_WIDE = 100
"""Of a table with more features than this, fewer levels are shown of each."""
_WIDE_EFFECT_LEVELS, _WIDE_TOP_LEVELS = 6, 2
_MOST_DIFFERENCES = 20
_OVERLAID = (charts.roc, charts.precision_recall, charts.calibration, charts.gains)
_ALONE = (charts.tenths, charts.histogram, charts.trade_off)


def render_page(document: Mapping[str, Any]) -> bytes:
    """The page of a report document (`churn/training/model_report.py`), UTF-8. Names from the data are escaped."""
    return _render(
        "page.html.jinja",
        document=document,
        curves=_curves(document),
        effects=_effects(document),
        segments=sorted(document["segments"], key=lambda segment: -segment["log_loss"]),
        champion_segments=_champion_segments(document),
        columns=_columns(document),
        importance_rows=phrases.IMPORTANCE_ROWS,
    )


def render_comparison(first: Mapping[str, Any], second: Mapping[str, Any]) -> bytes:
    """The page of two report documents beside each other, UTF-8."""
    return _render(
        "compare.html.jinja",
        first=first,
        second=second,
        same_rows=same_rows(first, second),
        facts=facts(first, second),
        differences=schema_differences(first, second),
        most=_MOST_DIFFERENCES,
        pairs=metric_pairs(first, second),
        curves={chart.__name__: chart(first, second) for chart in _OVERLAID},
        importance=rows.importance(first, second),
    )


def _render(template: str, **values: object) -> bytes:
    environment = page_environment(Path(__file__).parent)
    environment.filters |= {name: getattr(phrases, name) for name in _FILTERS}
    words = {"metrics": phrases.METRICS, "terms": phrases.TERMS, "charts": charts, "rows": rows}
    return environment.get_template(template).render(**words, **values).encode()


_FILTERS = (
    "figure",
    "signed",
    "count",
    "verdict",
    "rule",
    "decision",
    "interval",
    "champion",
    "span",
    "listed",
)


def _curves(document: Mapping[str, Any]) -> dict[str, Chart]:
    curves = {chart.__name__: chart(document) for chart in (*_OVERLAID, *_ALONE)}
    return curves | ({"profit": charts.profit(document)} if document["profit"] else {})


def _effects(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Partial effects of the most important features, each as a chart or as rows, on one scale of probability."""
    found = {effect["feature"]: effect for effect in document["drivers"]["partial_effects"] if effect["values"]}
    levels = {column["feature"]: column.get("levels", 0) for column in document["data"]}
    kept = [found[name] for name in rows.important(document) if name in found]
    if len(levels) > _WIDE:
        kept = [_cut(effect) if effect["kind"] not in ("number", "integer") else effect for effect in kept]
    scale = rows.effect_scale(kept)
    return [
        {"feature": effect["feature"], "chart": charts.effect(effect, scale)}
        if effect["kind"] in ("number", "integer")
        else {"feature": effect["feature"], "rows": rows.level_effects(effect, levels[effect["feature"]], scale)}
        for effect in kept
    ]


def _cut(effect: Mapping[str, Any]) -> dict[str, Any]:
    """With its most frequent levels, which stand first."""
    return {**effect, **{key: effect[key][:_WIDE_EFFECT_LEVELS] for key in ("values", "probability")}}


def _columns(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The features of the table under Data, with fewer levels where there are many features."""
    found: list[Mapping[str, Any]] = document["data"]
    if len(found) <= _WIDE:
        return found
    return [
        {**column, "top": column["top"][:_WIDE_TOP_LEVELS]} if "top" in column else column
        for column in found[:_MOST_COLUMNS]
    ]


def _champion_segments(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document["gate"]["champion"]["segments"]
    return sorted(found, key=lambda segment: -segment["low"])[:_MOST_CHAMPION_SEGMENTS]
