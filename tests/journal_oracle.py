"""The journal read line by line in plain Python: what the windows of drift are compared with."""

import gzip
import math
import re
from pathlib import Path
from typing import NamedTuple

import orjson

from churn.journal.moments import latest_moment, parse_moment
from churn.journal.record import Served
from churn.schema.feature import Feature
from churn.schema.record import MISSING_CATEGORY

TIME = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-][01][0-9]:[0-5][0-9])?)?"
)
MISSING = math.nan


class Record(NamedTuple):
    moment: int
    model: str
    probability: float
    features: dict[str, float | str]


class Expected(NamedTuple):
    found: list[Record]
    others: dict[str, int]
    broken: int
    future: int


def expected_window(paths: list[Path], served: Served, last_n: int | None, since: int | None) -> Expected:
    """What a window has, where all files are read from beginning to end."""
    model = served.model
    lines = [line for path in paths for line in content(path).split(b"\n") if line.strip()]
    records = [parse(line, served) for line in lines]
    readable = [record for record in records if record is not None]
    past = [record for record in readable if record.moment <= latest_moment()]
    start = -math.inf if since is None else since
    ours = [record for record in past if record.model == model and record.moment >= start]
    ours.sort(key=lambda record: record.moment)
    found = ours if last_n is None else ours[-last_n:]
    if len(found) == last_n:
        start = found[0].moment
    names = [record.model for record in past if record.model != model and record.moment >= start]
    others = {name: names.count(name) for name in sorted(set(names))}
    return Expected(found, others, len(records) - len(readable), len(readable) - len(past))


def content(path: Path) -> bytes:
    packed = path.read_bytes()
    return gzip.decompress(packed) if packed.startswith(b"\x1f\x8b") else packed


def parse(line: bytes, served: Served) -> Record | None:
    """A journal line; None where it is broken."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    time = document.get("ts")
    moment = parse_moment(time) if isinstance(time, str) and TIME.fullmatch(time) else None
    model = text(document.get("model_version"))
    probability = number(document.get("probability"))
    features = document.get("features")
    if moment is None or model is None or not 0 <= probability <= 1 or not isinstance(features, dict):
        return None
    if model != served.model:  # of whatever schema
        return Record(moment, model, probability, {})
    values = {feature.name: value(feature, features.get(feature.name)) for feature in served.schema.feature}
    required = not all(feature.optional for feature in served.schema.feature)
    if required and all(found in ("", MISSING) for found in values.values()):
        return None
    return Record(moment, model, probability, values)


def value(feature: Feature, raw: object) -> float | str:
    """A feature as it counts: `MISSING` or `MISSING_CATEGORY` where there is none."""
    if feature.is_category:
        return text(raw) or MISSING_CATEGORY
    if feature.kind == "boolean":
        return float(raw) if isinstance(raw, bool) else MISSING
    return number(raw)


def text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return None if isinstance(value, list | dict) else orjson.dumps(value).decode()


def number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return MISSING
    return float(value) if math.isfinite(value) else MISSING
