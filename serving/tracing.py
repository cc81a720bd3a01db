"""OpenTelemetry traces of requests, sent by OTLP over HTTP; loaded only where an endpoint is configured.

OpenTelemetry's own environment variables set the endpoint, the sampling and the name of the service.
"""

from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from churn import __version__
from serving.messages import AsgiApp
from serving.routes import ROUTES

EXCLUDED = ",".join(f"{route.path}$" for route in ROUTES if route.is_polled)
"""Regular expressions of the routes that are not traced: probes and scrapes come every few seconds and say nothing."""


def traced(app: AsgiApp) -> tuple[AsgiApp, Callable[[], None]]:
    """The app with a span a request, and what sends the last spans when the process ends."""
    usual = Resource.create({"service.name": "churn-api", "service.version": __version__})
    provider = TracerProvider(resource=usual.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    middleware = OpenTelemetryMiddleware(
        app, excluded_urls=EXCLUDED, tracer_provider=provider, exclude_spans=["send", "receive"]
    )
    return middleware, provider.shutdown
