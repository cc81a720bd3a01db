"""The handlers of the service's own routes: each takes a request and returns a response or raises `HttpError`."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from churn.errors import ChurnError, ModelUnavailable
from churn.model.scorer import Scorer
from churn.scoring.arrow.stream import parse_stream
from churn.scoring.batch import parse_batch
from churn.scoring.predictor import Predictor
from churn.settings import Settings
from churn.stored_files import HomeFile
from serving.accept import prefers_html
from serving.auth import Token
from serving.documents import Documents, Pair
from serving.drain import Drain
from serving.explain import asks_for_reasons, check_amount, require_reasons
from serving.messages import ARROW, JSON, Handler, Headers, HttpError, Request, Response, too_busy
from serving.metrics import Metrics
from serving.pages import HTML, REPORT_HEADERS
from serving.routes import ROUTES
from serving.swagger import ICON, PAGE, PAGE_HEADERS
from serving.upstream.prometheus import exposition
from serving.watcher import ModelWatcher

BATCHES_AT_ONCE = 2
"""More are not done sooner: one processor works on them. Those that wait keep only their body, which is counted."""
READERS = 4
"""Threads that read from the volume for a request, at most, should it hang."""

_VARY: Headers = [(b"vary", b"accept")]
"""Of a route that answers with JSON or a page, for whatever caches it."""

_BODY_CURE = "send one customer, or raise the service's CHURN_MAX_BODY_BYTES"
_BATCH_CURE = "send fewer customers at once, or raise the service's CHURN_MAX_BATCH_BYTES"


class Handlers:
    """The handlers over one process's model, predictor and settings; `serving/routes.py` says which is whose."""

    def __init__(
        self,
        settings: Settings,
        models: ModelWatcher,
        predictor: Predictor,
        drain: Drain,
        documents: Documents,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._models = models
        self._predictor = predictor
        self._drain = drain
        self._documents = documents
        self._metrics = metrics
        self._limits = settings.limits
        self._monitoring = Token(settings.monitoring, "MONITORING_TOKEN")
        self._predict_token = Token(settings.predict, "CHURN_PREDICT_TOKEN") if settings.predict.asked_for else None
        self._busy = 0
        self._batch_turn = asyncio.Semaphore(BATCHES_AT_ONCE)
        self._readers = 0

    def by_path(self) -> Mapping[str, Mapping[str, Handler]]:
        """Path -> method -> handler, for each route of ours that the settings leave open."""
        routes = (route for route in ROUTES if not route.by_bentoml)
        if not self._settings.docs:
            routes = (route for route in routes if not route.is_documentation)
        return {route.path: {route.method: getattr(self, route.operation)} for route in routes}

    async def predict(self, request: Request) -> Response:
        """One customer's probability."""
        if self._predict_token is not None:
            self._predict_token.require(request)
        explain = asks_for_reasons(request)
        body = await request.json_body(self._limits.body_bytes, _BODY_CURE)
        # Counted only now: a client that is slow to send takes nothing from the others.
        if self._busy >= self._limits.concurrency:
            raise too_busy("too many requests are being worked on")
        self._busy += 1
        try:
            scorer = self._models.required()  # once: no swap comes between validation and answer
            if explain:
                require_reasons(scorer)
            customer = scorer.validator.parse(body)
            if customer.request_id is not None:
                request.request_id = customer.request_id
            answer = self._predictor.predict(scorer, customer, request.request_id, explain=explain)
            return Response(200, await answer)
        finally:
            self._busy -= 1

    async def predict_batch(self, request: Request) -> Response:
        """Many customers' probabilities; all or nothing."""
        if self._predict_token is not None:
            self._predict_token.require(request)
        explain = asks_for_reasons(request)
        body = await request.json_body(self._limits.batch_bytes, _BATCH_CURE, or_arrow=True)
        score = self._score_arrow if request.declares(ARROW) else self._score_json
        if self._busy >= self._limits.concurrency:
            raise too_busy("too many requests are being worked on")
        self._busy += 1
        try:
            async with self._batch_turn:
                scorer = self._models.required()
                if explain:
                    require_reasons(scorer)
                return await score(scorer, body, request.request_id, explain=explain)
        finally:
            self._busy -= 1

    async def _score_json(self, scorer: Scorer, body: bytes, request_id: str, *, explain: bool) -> Response:
        customers = await parse_batch(body, scorer.validator)
        if explain:
            check_amount(len(customers), len(scorer.schema.feature))
        return Response(200, await self._predictor.predict_batch(scorer, customers, request_id, explain=explain))

    async def _score_arrow(self, scorer: Scorer, body: bytes, request_id: str, *, explain: bool) -> Response:
        explainer = scorer.explainer if explain else None
        customers = await parse_stream(body, scorer.validator, explainer.rows if explainer else None)
        if explain:
            check_amount(customers.rows, len(scorer.schema.feature))
        answer = await self._predictor.predict_arrow(scorer, customers, request_id, explain=explain)
        return Response(200, answer, ARROW)

    async def health(self, _: Request) -> Response:
        """Always 200 while the process lives; the body has the served model, or why there is none."""
        if self._models.scorer is None:
            return _json(200, {"status": "error", "detail": str(self._models.problem)})
        body: dict[str, Any] = {"status": "ok", "current_model": self._models.scorer.tag}
        if self._models.problem is not None:
            body["detail"] = f"a newer pointer is not served: {self._models.problem}"
            body["pending"] = _pending(self._models)
        return _json(200, body)

    async def ready(self, _: Request) -> Response:
        """200 once a model is loaded and has given its golden predictions, until the process is to end."""
        if self._drain.draining:
            raise HttpError(503, "draining", "this process is about to end; it still answers what reaches it")
        return _json(200, {"status": "ready", "current_model": self._served_tag()})

    async def startup(self, _: Request) -> Response:
        """200 once a model is loaded; until then 503 with what the registry is missing."""
        return _json(200, {"status": "ok", "current_model": self._served_tag()})

    async def model(self, request: Request) -> Response:
        """The served model's card, or the page of its report; needs the prediction token where one is set."""
        if self._predict_token is not None:
            self._predict_token.require(request)
        scorer, page = self._models.scorer, self._models.page
        if scorer is None:
            raise ModelUnavailable(f"no model is loaded: {self._models.problem}")
        if page is not None and prefers_html(request):
            return Response(200, page, HTML, [*REPORT_HEADERS, *_VARY])
        card = {"model_tag": scorer.tag, "pending": _pending(self._models), **scorer.card}
        return Response(200, orjson.dumps(card), headers=_VARY)

    async def drift(self, request: Request) -> Response:
        """The latest drift report; needs the monitoring token."""
        self._monitoring.require(request)
        wants_html = prefers_html(request)
        file = HomeFile.DRIFT_HTML if wants_html else HomeFile.DRIFT_JSON
        content_type = HTML if wants_html else JSON
        headers = [*REPORT_HEADERS, *_VARY] if wants_html else _VARY
        report = partial(_read_report, file.under(self._settings.home))
        return Response(200, await self._in_thread(report), content_type, headers)

    async def metrics(self, request: Request) -> Response:
        """The metrics of all workers, as OpenMetrics where `Accept` names it."""
        self._metrics.flush()
        accept = (request.header(b"accept") or b"").decode("latin-1")
        text, content_type = await asyncio.to_thread(exposition, accept)
        return Response(200, text, content_type.encode(), _VARY)

    async def page(self, _: Request) -> Response:
        """The Swagger page."""
        return Response(200, PAGE, HTML, PAGE_HEADERS)

    async def favicon(self, _: Request) -> Response:
        """The icon that a browser asks for by itself."""
        return Response(200, ICON, b"image/svg+xml", [(b"cache-control", b"max-age=86400")])

    async def docs(self, _: Request) -> Response:
        """The OpenAPI document, in place of BentoML's, which knows only a part of the routes."""
        return Response(200, (await self._documented()).openapi)

    async def schema(self, _: Request) -> Response:
        """What BentoML's client reads, in place of BentoML's own, which knows no model."""
        return Response(200, (await self._documented()).client)

    async def _documented(self) -> Pair:
        if (scorer := self._models.scorer) is not None:
            return self._documents.of(scorer)
        return await self._in_thread(self._documents.without_model)

    def _served_tag(self) -> str:
        scorer = self._models.scorer
        if scorer is None:
            raise _not_ready(self._models.problem)
        return scorer.tag

    async def _in_thread[T](self, read: Callable[[], T]) -> T:
        """Read in a thread, since the volume may hang, and in few of them, since it may hang for long."""
        if self._readers >= READERS:
            raise too_busy("the volume is being read for others")
        self._readers += 1
        reading = asyncio.ensure_future(asyncio.to_thread(read))
        reading.add_done_callback(self._done_reading)
        return await asyncio.shield(reading)

    def _done_reading(self, _: object) -> None:
        self._readers -= 1


def _json(status: int, body: Mapping[str, Any]) -> Response:
    return Response(status, orjson.dumps(body))


def _pending(models: ModelWatcher) -> dict[str, str | None] | None:
    """The model that the pointer names and why it is not served; no tag where the pointer cannot be read."""
    tag, problem = models.pending, models.problem
    return {"model_tag": tag, "reason": str(problem)} if problem else None


def _not_ready(problem: ChurnError | None) -> HttpError:
    code = problem.code if problem else ModelUnavailable.code
    return HttpError(503, "no_model", "no model is loaded", [{"loc": ["registry"], "msg": str(problem), "type": code}])


def _read_report(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise HttpError(404, "not_found", "there is no drift report yet; run `churn drift`") from None
