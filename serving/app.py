"""The ASGI app that the server calls: our routes first, then BentoML's; one shape for every error.

It stands in front of BentoML's own layers because that is where the time goes (service.py has the figure).
"""

import itertools
import logging
import secrets
from collections.abc import Mapping

from churn.errors import ModelUnavailable, RecordError
from serving.drain import Drain
from serving.handlers import Handlers
from serving.messages import (
    AsgiApp,
    Budget,
    Handler,
    HttpError,
    Message,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    header_request_id,
    request_id_header,
)
from serving.metrics import Metrics
from serving.routes import ROUTES

_ASSETS = "/static_content/"  # of the Swagger page

log = logging.getLogger("churn.http")
_PROBES = {route.path for route in ROUTES if route.is_polled}
_LISTED = "; GET / lists them"
_PHRASES = {404: ("not_found", "there is nothing here"), 503: ("not_ready", "the service is not ready")}


class App:
    """Routes a request to a handler of ours, or to BentoML.

    Args:
        bentoml_app: answers what is not ours: BentoML's probes, the Swagger page's files, and the lifespan.
        handlers: answer our routes.
        metrics: count each request that was not served; not a probe that is told so, which is no client.
        drain: while it drains, each answer asks the client to close the connection.
        pending_bytes: the limit of the bytes of all bodies in memory at once.
        docs: whether the Swagger page is there.

    """

    def __init__(
        self,
        bentoml_app: AsgiApp,
        handlers: Handlers,
        metrics: Metrics,
        drain: Drain,
        *,
        pending_bytes: int,
        docs: bool,
    ) -> None:
        self._bentoml_app = bentoml_app
        self._handlers = handlers.by_path()
        self._bentoml_paths = {route.path for route in ROUTES if route.by_bentoml}
        self._metrics = metrics
        self._drain = drain
        self._budget = Budget(pending_bytes)
        self._docs = docs
        # Unique over processes by its random start, cheaper than a UUID a request.
        self._id_prefix = secrets.token_hex(8)
        self._counter = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._bentoml_app(scope, receive, send)
            return
        if self._drain.draining:
            send = _closing(send)
        request = Request(scope, receive, header_request_id(scope) or self._new_request_id(), self._budget)
        handlers = self._handlers.get(scope["path"])
        if handlers is None:
            await self._pass_on(request, receive, send)
            return
        try:
            response = await self._answer(request, handlers)
        finally:
            if request.reserved:
                request.release()
        response.headers = [*response.headers, request_id_header(request.request_id)]
        if log.isEnabledFor(logging.DEBUG):
            self._log_access(request, response.status)
        await response.send(send)

    def _new_request_id(self) -> str:
        return f"{self._id_prefix}-{next(self._counter):x}"

    async def _answer(self, request: Request, handlers: Mapping[str, Handler]) -> Response:
        method = request.scope["method"]
        handler = handlers.get("GET" if method == "HEAD" else method)
        try:
            if handler is None:
                raise _method_not_allowed(method, handlers)
            return await handler(request)
        except HttpError as error:
            refusal = error
        except RecordError as error:
            refusal = HttpError(400, "invalid_record", str(error), error.problems)
        except ModelUnavailable as error:
            refusal = HttpError(503, "no_model", str(error))
        except Exception:
            log.exception("request failed", extra=self._context(request))
            refusal = HttpError(
                500, "internal_error", "the service failed; its log has the details under this request id"
            )
        if refusal.status != 503 or request.scope["path"] not in _PROBES:
            self._metrics.rejected(refusal.reason)
        return refusal.response()

    async def _pass_on(self, request: Request, receive: Receive, send: Send) -> None:
        path, method = request.scope["path"], request.scope["method"]
        if path not in self._bentoml_paths and not (self._docs and path.startswith(_ASSETS)):
            refusal = HttpError(404, "not_found", f"there is no such route{_LISTED if self._docs else ''}")
        elif method not in ("GET", "HEAD"):
            refusal = _method_not_allowed(method, {"GET": None})
        else:
            await self._bentoml_app(request.scope, receive, _one_error_shape(request, send))
            return
        self._metrics.rejected(refusal.reason)
        response = refusal.response()
        response.headers = [*response.headers, request_id_header(request.request_id)]
        await response.send(send)

    def _log_access(self, request: Request, status: int) -> None:
        scope = request.scope
        log.debug(
            "request answered",
            extra={"method": scope["method"], "path": scope["path"], "status": status, **self._context(request)},
        )

    def _context(self, request: Request) -> dict[str, str | None]:
        return {"request_id": request.request_id, "model_tag": self._metrics.model_tag}


def _method_not_allowed(method: str, handlers: Mapping[str, object]) -> HttpError:
    allowed = ", ".join(sorted(handlers))
    return HttpError(
        405,
        "method_not_allowed",
        f"{method} is not allowed here; allowed: {allowed}",
        headers=[(b"allow", allowed.encode())],
    )


def _closing(send: Send) -> Send:
    """A `send` whose answers ask the client to close the connection."""

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return forward


def _one_error_shape(request: Request, send: Send) -> Send:
    """A `send` for BentoML's answers: errors, which it writes as plain text, leave in our shape."""
    failed = False

    async def forward(message: Message) -> None:
        nonlocal failed
        if message["type"] == "http.response.start" and message["status"] >= 400:
            failed = True
            reason, text = _PHRASES.get(message["status"], ("internal_error", "the service failed; its log says why"))
            response = HttpError(message["status"], reason, text).response()
            response.headers = [request_id_header(request.request_id)]
            await response.send(send)
        elif not failed:
            await send(message)

    return forward
