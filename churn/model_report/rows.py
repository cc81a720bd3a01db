"""Charts of many names as rows of a table: a bar, a dot or an interval beside each name, on a scale of all rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churn.model_report.phrases import figure, small
from churn.page.scales import Scale, ratios, shares
from churn.page.words import percent

MOST_DRIVERS = 30
_MOST_RATIOS = 40


@dataclass(frozen=True)
class Mark:
    """What is drawn for one figure: places are percent of the row's width."""

    series: str
    at: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """A name, its marks, and its figures as text."""

    name: str
    detail: str
    marks: tuple[Mark, ...]
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """Rows on a common scale; `left_out` others have no room. `guide` is where the figure that means nothing lies."""

    scale: Scale
    rows: tuple[Row, ...]
    left_out: int = 0
    guide: float | None = None
    bars: bool = False

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """(Percent of the width, label); of a scale without a guide, those of its ends."""
        ticks = self.scale.ticks if self.guide is not None else (*self.scale.ticks[:1], *self.scale.ticks[-1:])
        return [(100 * self.scale.place(at), label) for at, label in ticks]


def important(document: Mapping[str, Any], most: int = MOST_DRIVERS) -> list[str]:
    """The features whose shuffling costs most, in that order."""
    return [driver["feature"] for driver in document["drivers"]["permutation_importance"][:most]]


def importance(*documents: Mapping[str, Any]) -> Rows:
    """Permutation importance; of two documents, by the larger of both figures."""
    drivers = [
        {item["feature"]: item for item in document["drivers"]["permutation_importance"]} for document in documents
    ]
    sizes: dict[str, float] = {}
    for found in drivers:
        for name, driver in found.items():
            sizes[name] = max(sizes.get(name, driver["log_loss"]), driver["log_loss"])
    names = sorted(sizes, key=lambda name: -sizes[name])
    scale = Scale("increase of log loss", 0.0, max([*sizes.values(), 1e-9]), ())
    rows = [_important(name, [found.get(name) for found in drivers], scale) for name in names[:MOST_DRIVERS]]
    return Rows(scale, tuple(rows), max(len(names) - MOST_DRIVERS, 0), bars=True)


def _important(name: str, found: Sequence[Mapping[str, Any] | None], scale: Scale) -> Row:
    pairs = list(zip("ab", found, strict=False))
    marks = tuple(Mark(series, 100 * scale.place(driver["log_loss"])) for series, driver in pairs if driver)
    if len(pairs) > 1:
        return Row(name, "", marks, tuple(small(driver["log_loss"]) if driver else "none" for _, driver in pairs))
    only = found[0] or {}
    return Row(name, "", marks, (small(only["roc_auc"]), f"{small(only['log_loss'])} ± {small(only['log_loss_sd'])}"))


def odds_ratios(document: Mapping[str, Any]) -> Rows | None:
    """Odds ratios with their intervals, of the most important features; None where those have none."""
    found = document["drivers"]["odds_ratios"] or []
    order = {name: at for at, name in enumerate(important(document))}
    kept = sorted((item for item in found if item["feature"] in order), key=lambda item: order[item["feature"]])
    kept = kept[:_MOST_RATIOS]
    if not kept:
        return None
    scale = ratios("odds ratio", min(item["low"] for item in kept), max(item["high"] for item in kept))
    return Rows(
        scale, tuple(_ratio(item, scale) for item in kept), len(found) - len(kept), guide=100 * scale.place(1.0)
    )


def _ratio(item: Mapping[str, Any], scale: Scale) -> Row:
    detail = item["against"] if item["level"] is None else f"{item['level']}, against {item['against']}"
    mark = Mark("a", *(100 * scale.place(item[name]) for name in ("ratio", "low", "high")))
    return Row(
        item["feature"],
        detail,
        (mark,),
        (_bounded(item["ratio"]), f"{_bounded(item['low'])} to {_bounded(item['high'])}"),
    )


def _bounded(ratio: float) -> str:
    """A ratio; where a level has no churners or no stayers, it is beyond all bounds."""
    if 0.001 <= ratio <= 1000:
        return figure(ratio)
    return "> 1,000" if ratio > 1 else "< 0.001"


def level_effects(found: Mapping[str, Any], levels: int, scale: Scale) -> Rows:
    """The mean probability at the most frequent levels of a category that has so many."""
    pairs = sorted(zip(found["values"], found["probability"], strict=True), key=lambda pair: -pair[1])
    rows = [Row(str(level), "", (Mark("a", 100 * scale.place(value)),), (percent(value),)) for level, value in pairs]
    return Rows(scale, tuple(rows), max(levels - len(rows), 0))


def effect_scale(effects: Iterable[Mapping[str, Any]]) -> Scale:
    """The scale of probabilities that all partial effects share."""
    return shares("probability", max((value for found in effects for value in found["probability"]), default=1.0))
