"""Difference between two schemas, as clients would notice it."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from churn.schema.definition import Schema
from churn.schema.feature import FURTHEST, Feature


class Difference(NamedTuple):
    """One thing that clients would notice.

    Attributes:
        text: a sentence without its full stop.
        breaking: whether records that the old schema accepts may be refused by the new one.

    """

    text: str
    breaking: bool


def differences(old: Schema, new: Schema) -> tuple[Difference, ...]:
    """What clients of `old` would notice of `new`; those that would break them come first.

    Another case alone breaks none. A text that grows with it (`ß` is `SS`) may become too long where it was of
    nearly `max_length` characters; that is not counted.

    Example:
        differences(old, new)[0].text  # "`tenure` accepts 0 to 72 instead of 0 to 120"

    """
    found = [*_fields(old, new), *_rest(old, new)]
    return tuple(sorted(found, key=lambda difference: not difference.breaking))


def _fields(old: Schema, new: Schema) -> Iterator[Difference]:
    before = {feature.name: feature for feature in old.feature}
    after = {feature.name: feature for feature in new.feature}
    for name, feature in before.items():
        if name in after:
            yield from _changes(feature, after[name])
        elif name in new.retired:
            yield Difference(f"`{name}` is retired: accepted, and ignored with a warning", breaking=False)
        else:
            yield Difference(f"`{name}` is refused: it is gone, and not in `retired`", breaking=True)
    for name, feature in after.items():
        if name not in before:
            yield _added(feature, retired=name in old.retired)
    for name in old.retired:
        if name not in new.retired and name not in after:
            yield Difference(f"`{name}` is refused: it was retired, and is not in `retired` any more", breaking=True)
    for name in new.retired:
        if name not in old.retired and name not in before:
            yield Difference(f"`{name}` is accepted, and ignored with a warning", breaking=False)


def _added(feature: Feature, *, retired: bool) -> Difference:
    if retired:
        return Difference(f"`{feature.name}` was retired and ignored, and is now {_kind(feature)}", breaking=True)
    if feature.optional:
        return Difference(f"`{feature.name}` is new, and optional", breaking=False)
    return Difference(f"`{feature.name}` is new, and required", breaking=True)


def _changes(old: Feature, new: Feature) -> Iterator[Difference]:
    name = f"`{new.name}`"
    if old.kind != new.kind:
        widened = (old.kind, new.kind) == ("integer", "number")
        yield Difference(f"{name} is {_kind(new)} instead of {_kind(old)}", breaking=not widened)
    if old.optional != new.optional:
        now, then = ("optional", "required") if new.optional else ("required", "optional")
        yield Difference(f"{name} is {now} instead of {then}", breaking=old.optional)
    if old.is_category and new.is_category:
        yield from _text_changes(name, old, new)
    elif _is_numeric(old) and _is_numeric(new):
        (low, high), (old_low, old_high) = _range(new), _range(old)
        if (low, high) != (old_low, old_high):
            text = f"{name} accepts {_span(low, high)} instead of {_span(old_low, old_high)}"
            yield Difference(text, breaking=low > old_low or high < old_high)
    if (old.description, old.example) != (new.description, new.example):
        yield Difference(f"{name} has another description or example", breaking=False)


def _text_changes(name: str, old: Feature, new: Feature) -> Iterator[Difference]:
    if old.max_length != new.max_length:
        text = f"{name} accepts texts of up to {new.max_length} characters instead of {old.max_length}"
        yield Difference(text, breaking=new.max_length < old.max_length)
    if old.case != new.case:
        forms = {"keep": "as it is written", "lower": "in lower case", "upper": "in upper case"}
        yield Difference(f"{name} is taken {forms[new.case]} instead of {forms[old.case]}", breaking=False)


def _rest(old: Schema, new: Schema) -> Iterator[Difference]:
    if old.name != new.name:
        yield Difference(f"the schema is named {new.name} instead of {old.name}", breaking=False)
    if old.target != new.target:
        yield Difference(f"predicted is {_target(new)} instead of {_target(old)}", breaking=False)


def _target(schema: Schema) -> str:
    return f"`{schema.target.column}` = {' or '.join(str(value) for value in schema.target.positive)}"


def _kind(feature: Feature) -> str:
    return "an integer" if feature.kind == "integer" else f"a {feature.kind}"


def _is_numeric(feature: Feature) -> bool:
    return feature.kind in ("integer", "number")


def _range(feature: Feature) -> tuple[float, float]:
    """The least and the greatest number accepted: of integers, the outermost whole ones."""
    if feature.kind == "integer":
        return math.ceil(feature.low), math.floor(feature.high)
    return feature.low, feature.high


def _span(low: float, high: float) -> str:
    if low == -FURTHEST:
        return "any number" if high == FURTHEST else f"up to {high:.15g}"
    return f"{low:.15g} or more" if high == FURTHEST else f"{low:.15g} to {high:.15g}"
