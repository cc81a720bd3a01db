"""The route table: every route that the service answers, its own and BentoML's.

The router (serving/app.py), the OpenAPI document (serving/openapi.py), the routes left out of traces
(serving/tracing.py) and docs/reference/routes.md are all derived from `ROUTES`. A new route is one entry here and one
method of `Handlers`:

    Route("GET", "/version", "version", "The release", Version)
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from churn.scoring.batch import BatchPrediction
from churn.scoring.responses import Prediction
from serving.messages import ARROW

PREDICTIONS, REPORTS, PROBES, DOCUMENTS = "Predictions", "Model and drift", "Probes and metrics", "Documents"
GROUPS = (PREDICTIONS, REPORTS, PROBES, DOCUMENTS)
"""Of routes, in the order of the Swagger page."""


class Detail(BaseModel):
    """One thing that is wrong: where, what, and its machine-readable kind."""

    loc: list[str | int]
    msg: str
    type: str


class Error(BaseModel):
    """The one shape of every error."""

    error: str = Field(description="Short reason.")
    detail: list[Detail]


class Pending(BaseModel):
    """What the pointer names and is not served."""

    model_tag: str | None = Field(description="Absent where the pointer cannot be read.")
    reason: str


class Health(BaseModel):
    """Alive; `detail` says what is wrong, if anything is."""

    status: Literal["ok", "error"]
    current_model: str | None = None
    detail: str | None = None
    pending: Pending | None = None


class Readiness(BaseModel):
    """A model is loaded and gave its golden predictions."""

    status: Literal["ready"]
    current_model: str


class Startup(BaseModel):
    """The service has started."""

    status: Literal["ok"]
    current_model: str


@dataclass(frozen=True)
class Route:
    """One route.

    Attributes:
        method: the HTTP method; a GET route answers HEAD too.
        path: the whole path, without parameters.
        operation: the name of the method of `Handlers` that answers, and the OpenAPI operation id.
        summary: one phrase for the OpenAPI document and the reference.
        detail: sentences that follow it there.
        answer: the model of a JSON answer of status 200; None for any JSON object.
        body: what the JSON body is, of which the schema in service decides; None where there is none.
        other_bodies: content types that are taken beside JSON.
        content: content types of the answer, the usual one first.
        errors: statuses beside those that every route may answer with.
        protected_by: the bearer token that is asked for; the prediction token only where it is set.
        group: the heading under which the Swagger page shows it.
        by_bentoml: answered by BentoML behind our app, not by `Handlers`.
        is_documentation: only there where `CHURN_DOCS` is on.
        is_polled: a probe or a scrape, which comes every few seconds: not traced.

    """

    method: Literal["GET", "POST"]
    path: str
    operation: str
    summary: str
    detail: str = ""
    answer: type[BaseModel] | None = None
    body: Literal["Customer", "Batch"] | None = None
    other_bodies: tuple[str, ...] = ()
    content: tuple[str, ...] = ("application/json",)
    errors: tuple[str, ...] = ()
    protected_by: Literal["monitoring", "predict"] | None = None
    group: str = PROBES
    by_bentoml: bool = False
    is_documentation: bool = False
    is_polled: bool = False


_TEXT = ("text/plain",)
_ARROW = ARROW.decode()
_OF_A_PREDICTION = ("400", "409", "413", "415", "429", "500", "503")

ROUTES = (
    Route(
        "POST",
        "/predict",
        "predict",
        "Probability that a customer churns, and the decision",
        "With `?explain=true` the reasons too: what each feature adds to the log-odds.",
        Prediction,
        "Customer",
        errors=_OF_A_PREDICTION,
        protected_by="predict",
        group=PREDICTIONS,
    ),
    Route(
        "POST",
        "/predict/batch",
        "predict_batch",
        "Probabilities and decisions of 1 to 10,000 customers, or of an Arrow stream of more, all or nothing",
        f'JSON has the form `{{"customers": [record, ...]}}`; the answer is in its order. With `Content-Type: '
        f"{_ARROW}` the body is an Arrow stream of columns, of as many rows as 8 MiB hold, and so is the answer.",
        BatchPrediction,
        "Batch",
        other_bodies=(_ARROW,),
        content=("application/json", _ARROW),
        errors=_OF_A_PREDICTION,
        protected_by="predict",
        group=PREDICTIONS,
    ),
    Route(
        "GET",
        "/health",
        "health",
        "Alive while the process lives",
        "Always 200: `status` is `ok`, or `error` with `detail`.",
        Health,
        is_polled=True,
    ),
    Route(
        "GET",
        "/ready",
        "ready",
        "A model is loaded and checked",
        "503 until it gives its golden predictions, and while the process drains.",
        Readiness,
        errors=("503",),
        is_polled=True,
    ),
    Route(
        "GET",
        "/startup",
        "startup",
        "The first model is loaded",
        "Its 503 tells a missing registry folder, a missing pointer and an empty pointer apart.",
        Startup,
        errors=("503",),
        is_polled=True,
    ),
    Route(
        "GET",
        "/model",
        "model",
        "The served model's card, and its report as a page",
        "The card has tag, data, metrics, threshold, and features with ranges and categories; `pending` says which "
        "model the pointer names instead, if any, and why it is not served. A browser gets the report.",
        content=("application/json", "text/html"),
        errors=("503",),
        protected_by="predict",
        group=REPORTS,
    ),
    Route(
        "GET",
        "/drift",
        "drift",
        "The latest drift report",
        "JSON, or HTML for a browser. Needs the monitoring token.",
        content=("application/json", "text/html"),
        errors=("401", "404", "429", "500"),
        protected_by="monitoring",
        group=REPORTS,
    ),
    Route(
        "GET",
        "/docs.json",
        "docs",
        "This document",
        "OpenAPI 3.1, of the model in service.",
        errors=("429", "500"),
        group=DOCUMENTS,
        is_documentation=True,
    ),
    Route(
        "GET",
        "/",
        "page",
        "A page on which to try the routes",
        content=("text/html",),
        group=DOCUMENTS,
        is_documentation=True,
    ),
    Route(
        "GET",
        "/favicon.ico",
        "favicon",
        "Its icon",
        content=("image/svg+xml",),
        group=DOCUMENTS,
        is_documentation=True,
    ),
    Route("GET", "/livez", "livez", "BentoML: alive", content=_TEXT, by_bentoml=True, is_polled=True),
    Route("GET", "/healthz", "healthz", "BentoML: alive", content=_TEXT, by_bentoml=True, is_polled=True),
    Route(
        "GET",
        "/readyz",
        "readyz",
        "BentoML: a model is loaded",
        content=_TEXT,
        errors=("503",),
        by_bentoml=True,
        is_polled=True,
    ),
    Route(
        "GET",
        "/metrics",
        "metrics",
        "Prometheus metrics, BentoML's among them",
        "Text, or OpenMetrics where `Accept` asks for it.",
        content=(*_TEXT, "application/openmetrics-text"),
        errors=("500",),
        is_polled=True,
    ),
    Route(
        "GET", "/schema.json", "schema", "What BentoML's Python client reads", errors=("429", "500"), group=DOCUMENTS
    ),
)
