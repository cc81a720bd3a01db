"""A request is validated, scored, journalled and answered by one model, also when a swap falls into it."""

import asyncio
import json
from typing import ClassVar

import pytest
from conftest import SAFE
from constant_scorer import OTHER, constant_scorer

from churn.errors import ModelUnavailable, RecordError
from churn.schema.reading import bundled_schema
from churn.schema.record import Customer
from churn.scoring.predictor import Predictor
from churn.settings import read_settings
from serving.handlers import Handlers
from serving.watcher import ModelWatcher

BUNDLED = constant_scorer(bundled_schema(), "churn_model_v1:bundled", 0.25)
NEXT = constant_scorer(OTHER, "churn_model_v1:other", 0.75)
RECORD = {"class": "A", "items": 3, "copy": 1.5, "get": True, "keys": None}
OF = {BUNDLED.tag: (BUNDLED.score([Customer(SAFE)])[0], SAFE), NEXT.tag: (NEXT.score([Customer(RECORD)])[0], RECORD)}


class Lines(list):
    def append(self, lines: bytes) -> None:
        self.extend(map(json.loads, lines.splitlines()))


class Silent:
    def __init__(self) -> None:
        self.calls = []

    def predicted(self, scorer, probabilities, seconds):
        self.calls.append((scorer.tag, len(probabilities)))

    def batch_predicted(self, scorer, probabilities, seconds):
        self.calls.append((scorer.tag, len(probabilities)))

    def journal_dropped(self, lines, error):
        raise error


@pytest.fixture
def predictor():
    return Predictor(Lines(), Silent())


def belongs_together(answer):
    probability, features = OF[answer["model_version"]]
    return (answer["probability"], answer["features"]) == (probability, features)


def test_requests_of_one_turn_are_scored_together_by_the_model_that_each_has(predictor):
    async def run():
        turns = [(BUNDLED, SAFE), (BUNDLED, SAFE), (NEXT, RECORD), (NEXT, RECORD), (BUNDLED, SAFE)]
        waiting = [predictor.predict(scorer, Customer(record), str(n)) for n, (scorer, record) in enumerate(turns)]
        return [json.loads(answer) for answer in await asyncio.gather(*waiting)]

    answers = asyncio.run(run())
    assert [answer["request_id"] for answer in answers] == list("01234")
    assert [answer["model_version"] for answer in answers] == [s.tag for s in (BUNDLED, BUNDLED, NEXT, NEXT, BUNDLED)]
    assert all(map(belongs_together, answers))
    assert [line | {"schema_version": 1} for line in answers] == predictor._journal
    assert predictor._observer.calls == [(BUNDLED.tag, 2), (NEXT.tag, 2), (BUNDLED.tag, 1)]


def test_a_model_that_fails_does_so_for_its_own_requests_alone(predictor):
    class Broken:
        tag = "broken"

        def score(self, customers):
            raise ValueError("no")

    async def run():
        waiting = [predictor.predict(Broken(), Customer(SAFE), "a"), predictor.predict(NEXT, Customer(RECORD), "b")]
        return await asyncio.gather(*waiting, return_exceptions=True)

    failed, answer = asyncio.run(run())
    assert isinstance(failed, ValueError)
    assert belongs_together(json.loads(answer))


class Asked:
    """A request of which only the body counts."""

    def __init__(self, body):
        self.body, self.request_id = json.dumps(body).encode(), "asked"

    scope: ClassVar = {"query_string": b""}

    async def json_body(self, limit, cure, *, or_arrow=False):
        return self.body

    def declares(self, content_type):
        return False


@pytest.fixture
def models():
    models = ModelWatcher(None, "churn_model_v1", 1.0)
    models.scorer = BUNDLED
    return models


@pytest.fixture
def handlers(tmp_path, models, predictor):
    return Handlers(read_settings({"CHURN_HOME": str(tmp_path)}), models, predictor, None, None, None)


@pytest.mark.parametrize("turns", range(12))
def test_a_swap_at_any_turn_of_a_batch_changes_nothing_of_it(handlers, models, predictor, turns):
    async def swap():
        for _ in range(turns):
            await asyncio.sleep(0)
        models.scorer = NEXT

    async def run():
        swapping = asyncio.create_task(swap())
        answer = await handlers.predict_batch(Asked({"customers": [SAFE] * 600}))
        await swapping
        return json.loads(answer.body)

    answer = asyncio.run(run())
    assert answer["model_version"] == BUNDLED.tag
    assert {item["probability"] for item in answer["predictions"]} == {OF[BUNDLED.tag][0]}
    assert len(predictor._journal) == 600
    assert all(map(belongs_together, predictor._journal))


def test_the_record_of_another_schema_is_refused_and_names_the_fields(handlers, models):
    async def ask(record):
        return json.loads((await handlers.predict(Asked(record))).body)

    assert belongs_together(asyncio.run(ask(SAFE)))
    models.scorer = NEXT
    assert belongs_together(asyncio.run(ask(RECORD)))
    with pytest.raises(RecordError) as refused:
        asyncio.run(ask(SAFE))
    missing = {(name, "missing") for name in ("class", "items", "get")}
    assert {(*p["loc"], p["type"]) for p in refused.value.problems} == missing | {(n, "extra_forbidden") for n in SAFE}
    models.scorer = None
    with pytest.raises(ModelUnavailable):
        asyncio.run(ask(RECORD))
