"""Prediction for one customer in this process: by a stored model, without a journal."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from churn.errors import ModelUnavailable
from churn.schema.feature import Feature
from churn.scoring.responses import Scored, milliseconds, render, utc_now, with_reasons
from churn.scoring.stored_model import load_model


class LocalModel:
    """A model of the registry, asked in this process.

    Args:
        tag: its BentoML tag; None: the current model's.

    Raises:
        NoModel: there is none, or it cannot be used.

    """

    def __init__(self, tag: str | None = None) -> None:
        self._scorer = load_model(tag).scorer

    @property
    def card(self) -> Mapping[str, Any]:
        """What `GET /model` answers, but for the pointer's state."""
        return {"model_tag": self._scorer.tag, **self._scorer.card}

    @property
    def features(self) -> Sequence[Feature]:
        """The features of its schema."""
        return self._scorer.schema.feature

    def predict(self, body: bytes, *, explain: bool) -> bytes:
        """The answer of `POST /predict` to a body: JSON of `Prediction`.

        Raises:
            RecordError: it is not a valid record.
            ModelUnavailable: reasons are asked for, and the model has none.
        """
        scorer = self._scorer
        if explain and scorer.explainer is None:
            raise ModelUnavailable(f"{scorer.tag} was stored without reasons; train it anew, or ask without --explain")
        customer = scorer.validator.parse(body)
        started = time.perf_counter()
        (probability,) = scorer.score([customer])
        reasons = scorer.explain([customer])[0] if explain else None
        scored = Scored(customer, customer.request_id or secrets.token_hex(8), probability)
        return with_reasons(render(scorer, scored, milliseconds(time.perf_counter() - started), utc_now()), reasons)
