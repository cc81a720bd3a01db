"""Requests with and without reasons that share a turn of the event loop, and batches that ask for too many."""

import asyncio
import json
from typing import ClassVar

import pytest
from constant_scorer import OTHER, constant_scorer
from test_one_model import Lines, Silent

from churn.model.reasons.explainer import Explainer
from churn.schema.record import Customer
from churn.scoring.predictor import Predictor
from churn.settings import read_settings
from serving import explain as explain_module
from serving.handlers import Handlers
from serving.messages import HttpError
from serving.watcher import ModelWatcher

RECORD = {"class": "A", "items": 3, "copy": 1.5, "get": True, "keys": None}
WORDS = {"quartiles": [1.0, 2.0], "flag": False}
EFFECTS = {
    "format": 1,
    "kind": "linear",
    "base": -1.0,
    "slopes": [0.1, -0.2, 0.0],
    "offsets": [0.0, 0.0, -1e-12],
    "missing": [0.0, 0.5, 0.0],
    "levels": [0.3, 0.0, 0.0, 0.04],
    "numbers": [WORDS] * 3,
}


def explaining_scorer():
    scorer = constant_scorer(OTHER)
    scorer.explainer = Explainer(EFFECTS, scorer.card, scorer.schema)
    return scorer


class Asked:
    """A request of which only the query and the body count."""

    scope: ClassVar = {"query_string": b"explain=true"}

    def __init__(self, body):
        self.body, self.request_id = json.dumps(body).encode(), "asked"

    async def json_body(self, limit, cure, *, or_arrow=False):
        return self.body

    def declares(self, content_type):
        return False


@pytest.fixture
def predictor():
    return Predictor(Lines(), Silent())


@pytest.fixture
def ask(tmp_path, predictor):
    models = ModelWatcher(None, "churn_model_v1", 1.0)
    models.scorer = explaining_scorer()
    handlers = Handlers(read_settings({"CHURN_HOME": str(tmp_path)}), models, predictor, None, None, None)

    def ask(method, body):
        answer = asyncio.run(getattr(handlers, method)(Asked(body))).body
        assert b"-0.0," not in answer.replace(b"}", b",")
        return json.loads(answer)

    ask.models = models
    return ask


def test_in_one_turn_those_who_ask_for_reasons_get_them_and_the_journal_has_none(predictor):
    scorer = explaining_scorer()

    async def run():
        asked = [(3, True), (4, False), (5, True), (6, False), (None, True)]
        return await asyncio.gather(
            *(
                predictor.predict(scorer, Customer(RECORD | {"copy": copy}), str(copy), explain=explain)
                for copy, explain in asked
            )
        )

    answers = [json.loads(answer) for answer in asyncio.run(run())]
    contributions = [
        {item["feature"]: item["contribution"] for item in answer["reasons"]["features"]}["copy"]
        for answer in answers
        if "reasons" in answer
    ]
    assert contributions == [-0.6, -1.0, 0.5]
    assert ["reasons" in answer for answer in answers] == [True, False, True, False, True]
    for answer, line in zip(answers, predictor._journal, strict=True):
        answer.pop("reasons", None)
        assert line == answer | {"schema_version": 1}


def test_the_reasons_of_an_answer(ask):
    assert ask("predict", RECORD)["reasons"] == {
        "base": -1.0,
        "features": [
            {"feature": "items", "value": 3, "contribution": 0.3},
            {"feature": "copy", "value": 1.5, "contribution": -0.3},
            {"feature": "class", "value": "A", "contribution": 0.3},
            {"feature": "keys", "value": None, "contribution": 0.04},
            {"feature": "get", "value": True, "contribution": 0.0},
        ],
        "summary": ["High items raise the risk most", "Middling copy lowers the risk most", "A class raises the risk"],
    }


def test_more_reasons_than_an_answer_holds_are_refused(ask, monkeypatch):
    monkeypatch.setattr(explain_module, "MAX_REASONS", 10)
    assert len(ask("predict_batch", {"customers": [RECORD] * 2})["predictions"]) == 2
    with pytest.raises(HttpError, match="send at most 2 customers of this table at once") as refused:
        ask("predict_batch", {"customers": [RECORD] * 3})
    assert (refused.value.status, refused.value.reason) == (413, "too_many_reasons")


def test_a_model_without_reasons_refuses_before_it_reads_the_records(ask):
    ask.models.scorer = constant_scorer(OTHER)
    for method in ("predict", "predict_batch"):
        with pytest.raises(HttpError, match="was stored without reasons; train it anew") as refused:
            ask(method, "not a record")
        assert (refused.value.status, refused.value.reason) == (409, "no_reasons")
