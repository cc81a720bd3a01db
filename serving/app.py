"""The ASGI app that the server calls: our routes first, then BentoML's, one shape for every error.

It stands in front of BentoML's own middleware because that is where the time goes: the same handler behind
it answers a third of the requests a second (benchmarks/README.md).
"""

import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping

from churn.errors import ModelUnavailable, RecordError
from serving.drain import Drain
from serving.messages import (
    HTML_HEADERS,
    AsgiApp,
    Budget,
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

type Handler = Callable[[Request], Awaitable[Response]]
type Routes = Mapping[str, Mapping[str, Handler]]

BENTOML_ROUTES = frozenset({"/", "/schema.json", "/livez", "/healthz", "/readyz", "/metrics"})
BENTOML_ASSETS = "/static_content/"
PAGE = "/"

log = logging.getLogger("churn.http")
_LISTED = "; GET / lists them"
_PHRASES = {404: ("not_found", "there is nothing here"), 503: ("not_ready", "the service is not ready")}


class FrontDoor:
    """Routes a request to a handler of ours, or to BentoML.

    Args:
        bentoml_app: takes what is not in `routes`: BentoML's pages, probes, metrics, and the lifespan.
        routes: path -> method -> handler.
        rejected: told the `reason` of each request that was not served.
        current_model: the tag in service, for the log.
        before_scrape: called before `/metrics` is answered.
        drain: while it drains, each answer asks the client to close the connection.
        pending_bytes: of all bodies held at once.
        docs: whether BentoML's page is there.

    """

    def __init__(  # noqa: PLR0913 - wired in one place, by name
        self,
        bentoml_app: AsgiApp,
        routes: Routes,
        *,
        rejected: Callable[[str], None],
        current_model: Callable[[], str | None],
        before_scrape: Callable[[], None],
        drain: Drain,
        pending_bytes: int,
        docs: bool,
    ) -> None:
        self._bentoml_app = bentoml_app
        self._routes = routes
        self._rejected = rejected
        self._current_model = current_model
        self._before_scrape = before_scrape
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
        handlers = self._routes.get(scope["path"])
        if handlers is None:
            await self._pass_on(request, receive, send)
            return
        try:
            response = await self._answer(request, handlers)
        finally:
            if request.held:
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
        self._rejected(refusal.reason)
        return refusal.response()

    async def _pass_on(self, request: Request, receive: Receive, send: Send) -> None:
        path, method = request.scope["path"], request.scope["method"]
        if not self._is_bentomls(path):
            refusal = HttpError(404, "not_found", f"there is no such route{_LISTED if self._docs else ''}")
        elif method not in ("GET", "HEAD"):
            refusal = _method_not_allowed(method, {"GET": None})
        else:
            if path == "/metrics":
                self._before_scrape()
            await self._bentoml_app(request.scope, receive, _one_error_shape(request, send))
            return
        self._rejected(refusal.reason)
        response = refusal.response()
        response.headers = [*response.headers, request_id_header(request.request_id)]
        await response.send(send)

    def _is_bentomls(self, path: str) -> bool:
        if path == PAGE or path.startswith(BENTOML_ASSETS):
            return self._docs
        return path in BENTOML_ROUTES

    def _log_access(self, request: Request, status: int) -> None:
        scope = request.scope
        log.debug(
            "request answered",
            extra={"method": scope["method"], "path": scope["path"], "status": status, **self._context(request)},
        )

    def _context(self, request: Request) -> dict[str, str | None]:
        return {"request_id": request.request_id, "model_tag": self._current_model()}


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
            if message["type"] == "http.response.start" and _is_html(message):
                message["headers"] = [*message["headers"], *HTML_HEADERS]
            await send(message)

    return forward


def _is_html(message: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
