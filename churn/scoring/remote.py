"""Prediction for one customer by a running service, over HTTP."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import httpx
import orjson

from churn.errors import ChurnError, NoModel, RecordError, SettingsError
from churn.schema.feature import Feature
from churn.schema.json_text import Json
from churn.scoring.fields import features_of

SECONDS = 30.0
"""How long a service may take to answer."""
_HEADERS = ((b"Content-Type", b"application/json"), (b"Accept", b"application/json"))
_MAY_PASS = frozenset({408, 429})


class RemoteModel:
    """The model that a service has in service. Redirects are not followed, so that the token goes nowhere else.

    Args:
        url: of the service, with the path under which it stands behind a proxy.
        token: sent as `Authorization: Bearer`, if there is one.

    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = [*_HEADERS, *([(b"Authorization", b"Bearer " + token.encode())] if token else [])]

    @cached_property
    def card(self) -> Mapping[str, Any]:
        """What `GET /model` answers.

        Raises:
            NoModel, SettingsError: see `predict`.
        """
        card: dict[str, Any] = orjson.loads(self._ask("GET", "/model"))
        return card

    @cached_property
    def features(self) -> Sequence[Feature]:
        """The features of its card.

        Raises:
            NoModel, SettingsError: see `predict`.
        """
        try:
            return features_of(self.card)
        except (KeyError, TypeError, ValueError):
            raise NoModel(f"what answers at {self._url} is no service of this project; is the URL right?") from None

    def predict(self, body: bytes, *, explain: bool) -> bytes:
        """The answer of `POST /predict` to a body.

        Raises:
            RecordError: the service refuses the record.
            SettingsError: it refuses the request, for the token or else.
            NoModel: it has no model, it cannot answer now, or there is none at the URL.
        """
        return self._ask("POST", f"/predict{'?explain=true' if explain else ''}", body)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of a 200."""
        try:
            answer = httpx.request(method, self._url + path, content=body, headers=self._headers, timeout=SECONDS)
        except httpx.ConnectError:
            raise NoModel(f"no service answers at {self._url}; `churn serve` starts one on this machine") from None
        except httpx.TimeoutException:
            raise NoModel(f"the service at {self._url} gave no answer within {SECONDS:g} s") from None
        except httpx.LocalProtocolError:
            raise SettingsError("CHURN_PREDICT_TOKEN holds characters that no header may hold") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoModel(f"the service at {self._url} cannot be asked: {error or type(error).__name__}") from None
        try:
            answered = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            answered = None
        if answer.status_code == 200 and isinstance(answered, dict):
            return answer.content
        raise self._refusal(answer.status_code, answered)

    def _refusal(self, status: int, answered: Json) -> ChurnError:
        """The error of an answer other than 200: `{"error", "detail"}`, or else it is not ours."""
        try:
            message, problems = answered["error"], answered["detail"]
            texts = [problem["msg"] for problem in problems if problem["msg"] != message]
        except (KeyError, TypeError):
            return NoModel(f"what answers at {self._url} is no service of this project (status {status})")
        if status == 400:
            return RecordError(message, problems)
        cannot = status >= 500 or status in _MAY_PASS
        refused = NoModel if cannot else SettingsError
        hint = "; set CHURN_PREDICT_TOKEN or CHURN_PREDICT_TOKEN_FILE" if status == 401 else ""
        return refused(f"the service at {self._url} answered {status}: {': '.join([message, *texts])}{hint}")
