"""Records of customers whose columns were read: row by row, for what needs a row at a time."""

import numpy as np

from churn.schema.definition import Schema
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY, Customer
from churn.scoring.columns.reader import CustomerColumns, Floats, Texts

type Value = str | int | float | bool | None


def customers_of(schema: Schema, columns: CustomerColumns) -> list[Customer]:
    """[n] valid customers, as `RecordValidator` would have read them."""
    values = {
        feature.name: _numbers(feature, found) for feature, found in zip(schema.numbers, columns.numbers, strict=True)
    } | {feature.name: _texts(found) for feature, found in zip(schema.categories, columns.texts, strict=True)}
    names = schema.feature_names
    return [Customer(dict(zip(names, row, strict=True))) for row in zip(*(values[name] for name in names), strict=True)]


def _numbers(feature: Feature, values: Floats) -> list[Value]:
    convert = {"integer": int, "boolean": bool}.get(feature.kind, float)
    return [
        None if missing else convert(value)
        for value, missing in zip(values.tolist(), np.isnan(values).tolist(), strict=True)
    ]


def _texts(texts: Texts) -> list[Value]:
    levels = [None if text == MISSING_CATEGORY else text for text in texts.levels]
    return [levels[code] for code in texts.codes.tolist()]
