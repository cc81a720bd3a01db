"""The journal read line by line in plain Python: what the windows of drift are compared with."""

import gzip
import math
import re
from pathlib import Path
from typing import NamedTuple

import orjson

from churn.journal.moments import latest_moment, parse_moment
from churn.schema.old_record import CATEGORICAL_NAMES, MISSING_CATEGORY, NUMERIC_NAMES

TIME = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-][01][0-9]:[0-5][0-9])?)?"
)


class Record(NamedTuple):
    moment: int
    model: str
    probability: float
    numbers: tuple[float, ...]
    texts: tuple[str, ...]


class Expected(NamedTuple):
    found: list[Record]
    others: dict[str, int]
    broken: int
    future: int


def expected_window(paths: list[Path], model: str, last_n: int | None, since: int | None) -> Expected:
    """What a window has, where all files are read from beginning to end."""
    lines = [line for path in paths for line in content(path).split(b"\n") if line.strip()]
    records = [parse(line) for line in lines]
    readable = [record for record in records if record is not None]
    past = [record for record in readable if record.moment <= latest_moment()]
    start = -math.inf if since is None else since
    ours = sorted(record for record in past if record.model == model and record.moment >= start)
    found = ours if last_n is None else ours[-last_n:]
    if len(found) == last_n:
        start = found[0].moment
    names = [record.model for record in past if record.model != model and record.moment >= start]
    others = {name: names.count(name) for name in sorted(set(names))}
    return Expected(found, others, len(records) - len(readable), len(readable) - len(past))


def content(path: Path) -> bytes:
    packed = path.read_bytes()
    return gzip.decompress(packed) if packed.startswith(b"\x1f\x8b") else packed


def parse(line: bytes) -> Record | None:
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
    numbers = tuple(number(features.get(name)) for name in NUMERIC_NAMES)
    texts = tuple(text(features.get(name)) or MISSING_CATEGORY for name in CATEGORICAL_NAMES)
    if all(math.isnan(value) for value in numbers) and set(texts) == {MISSING_CATEGORY}:
        return None
    return Record(moment, model, probability, numbers, texts)


def text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return None if isinstance(value, list | dict) else orjson.dumps(value).decode()


def number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan
