"""Traces of requests, sent by OTLP over HTTP where an endpoint is configured. Nothing of it is loaded otherwise.

OpenTelemetry's own environment variables say where to, how much is sampled, and under which service name.
"""

from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from serving.messages import AsgiApp

# Probes and scrapes come every few seconds and say nothing.
_EXCLUDED = "/health$,/ready$,/startup$,/metrics$,/livez$,/healthz$,/readyz$"


def traced(app: AsgiApp, version: str) -> tuple[AsgiApp, Callable[[], None]]:
    """The app with a span a request, and what sends the last spans when the process ends."""
    usual = Resource.create({"service.name": "churn-api", "service.version": version})
    provider = TracerProvider(resource=usual.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    middleware = OpenTelemetryMiddleware(
        app, excluded_urls=_EXCLUDED, tracer_provider=provider, exclude_spans=["send", "receive"]
    )
    return middleware, provider.shutdown
