"""This service as it is, but for one thing: its routes run behind BentoML's own layers instead of in front of them.

Model, journal, metrics, log, collector, limits of connections: all else is the service's own (serving/worker.py). They
are mounted as an ASGI app, since `@bentoml.api` would add BentoML's own reading and writing of JSON.
"""

# ruff: noqa: ARG001, PLC0415 - signatures of ASGI; as in service.py, only the worker imports serving.worker

import sys
from pathlib import Path

import bentoml

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from serving.upstream.bentoml import service_class

apps = []


def in_front(bentoml_app, version):
    from serving.worker import worker

    worker().start()
    apps.append(worker().app(not_found, version, {"routes": []}))
    return bentoml_app


async def behind(scope, receive, send):
    await apps[0](scope, receive, send)


async def not_found(scope, receive, send):
    raise LookupError(scope["path"])


@bentoml.asgi_app(behind, path="/")
@bentoml.service(
    service_class=service_class(in_front), logging={"access": {"enabled": False}}, tracing={"excluded_urls": ".*"}
)
class Behind:
    pass
