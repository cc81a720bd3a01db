"""Container images of the Bento, which `bentoml containerize` builds; service.py hands them to BentoML.

BentoML's own image is one stage, with a compiler, git, uv, package caches, every library's own tests and
bytecode of everything: 1.5 GB. Here that stage only prepares (tools/image); the images take the environment out of it.

    base-container ──► runtime ──┬─► serve     what answers requests: `--opt target=serve`
    (BentoML's)                  └─► the last  with what only Jobs need beside: training, scoring of files, drift

BentoML's way to a second stage is a Dockerfile template, but it (seen in 1.4.39) refuses to read one back from its own
temporary folder. So the other stages travel in the last of the commands, which BentoML writes into the
Dockerfile as they stand; what it writes after them (our files, entrypoint, user) lands in the last stage, and is
written here for `serve`.
"""

from pathlib import Path

from bentoml.images import Image

from churn import __version__

BASE_IMAGE = "docker.io/library/python:3.12-slim"
REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"

# Of each image. The arguments are what `make` knows of the source and of the base, and BentoML does not. The command
# stands here, because an ENTRYPOINT forgets that of the stage before.
_DESCRIPTION = f"""\
CMD ["serve", "--port", "8000", "--timeout-graceful-shutdown", "20", "--timeout-keep-alive", "75"]
ARG REVISION=unknown
ARG CREATED=unknown
ARG BASE_DIGEST=unknown
LABEL org.opencontainers.image.title="churn-api" \\
      org.opencontainers.image.description="Churn prediction on BentoML: train, gate, serve, watch and roll back" \\
      org.opencontainers.image.version="{__version__}" \\
      org.opencontainers.image.revision="$REVISION" \\
      org.opencontainers.image.created="$CREATED" \\
      org.opencontainers.image.licenses="Apache-2.0" \\
      org.opencontainers.image.base.name="{BASE_IMAGE}" \\
      org.opencontainers.image.base.digest="$BASE_DIGEST\""""

_LAST_COMMAND = f"""\
cd src && python -m tools.image /app/.venv /jobs /bytecode

FROM {BASE_IMAGE} AS runtime
RUN useradd --uid 1034 --create-home bentoml \\
    && mkdir -p /app/models /app/registry /app/logs \\
    && chmod 0777 /app/models /app/registry /app/logs
# /tmp is the one folder that must be writable beside the three under /app; HOME too, because an arbitrary user
# has no home. The two switches keep BentoML and ONNX Runtime from reporting to their makers.
ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \\
    VIRTUAL_ENV=/app/.venv PATH=/app/.venv/bin:$PATH \\
    BENTO_PATH=/home/bentoml/bento BENTOML_HOME=/tmp/bentoml BENTOML_CONTAINERIZED=true BENTOML_PORT=8000 \\
    BENTOML_DO_NOT_TRACK=True ORT_DISABLE_TELEMETRY=1 \\
    HOME=/tmp CHURN_HOME=/app
COPY --from=base-container /app/.venv /app/.venv
COPY --from=base-container /app/sbom.json /app/
WORKDIR /home/bentoml/bento
COPY --from=base-container /bytecode ./src
# `src` of a Bento is the whole project. Here the file stands beside drift.py, not in a folder below.
COPY src/src/monitor_drift.py ./src/
EXPOSE 8000

FROM runtime AS serve
{_DESCRIPTION}
COPY --chown=bentoml:bentoml . ./
RUN chmod +x env/docker/entrypoint.sh
USER bentoml
ENTRYPOINT ["/home/bentoml/bento/env/docker/entrypoint.sh"]

FROM runtime
COPY --from=base-container /jobs /app
{_DESCRIPTION}"""

IMAGE = (
    # A distribution that BentoML does not know, so that it installs neither compiler nor git. The requirements
    # are a complete lock with hashes; resolving them again could only loosen it.
    Image(base_image=BASE_IMAGE, distro="slim", python_version="3.12", lock_python_packages=False)
    .run("mkdir -p /etc/uv && echo 'no-cache = true' > /etc/uv/uv.toml")
    .python_packages(REQUIREMENTS.read_text(encoding="utf-8").rstrip("\n"))
    .build_include(".")
    .run(_LAST_COMMAND)
)
