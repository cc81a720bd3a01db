"""Container image of the Bento, which `bentoml containerize` builds; service.py hands it to BentoML.

BentoML's own image is one stage, with a compiler, git, uv, package caches, every library's own tests and
bytecode of everything: 1.5 GB. Here that stage only prepares; the image takes the thinned environment out of it.

BentoML's way to a second stage is a Dockerfile template, but it (seen in 1.4.39) refuses to read one back from its own
temporary folder. So the second stage travels in the last of the commands, which BentoML writes into the
Dockerfile as they stand; what it writes after them (our files, entrypoint, user) lands in that stage.
"""

from pathlib import Path

from bentoml.images import Image

BASE_IMAGE = "docker.io/library/python:3.12-slim"
REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"

_LAST_COMMAND = f"""\
python src/tools/thin_image.py /app/.venv

FROM {BASE_IMAGE}
LABEL org.opencontainers.image.title="churn-api" \\
      org.opencontainers.image.description="Churn prediction on BentoML: train, gate, serve, watch and roll back" \\
      org.opencontainers.image.version="1.0.0" \\
      org.opencontainers.image.licenses="Apache-2.0" \\
      org.opencontainers.image.base.name="{BASE_IMAGE}"
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
WORKDIR /home/bentoml/bento
COPY --from=base-container /home/bentoml/bento/src ./src
EXPOSE 8000
CMD ["serve", "--port", "8000", "--timeout-graceful-shutdown", "20", "--timeout-keep-alive", "75"]"""

IMAGE = (
    # A distribution that BentoML does not know, so that it installs neither compiler nor git. The requirements
    # are a complete lock with hashes; resolving them again could only loosen it.
    Image(base_image=BASE_IMAGE, distro="slim", python_version="3.12", lock_python_packages=False)
    .run("mkdir -p /etc/uv && echo 'no-cache = true' > /etc/uv/uv.toml")
    .python_packages(REQUIREMENTS.read_text(encoding="utf-8").rstrip("\n"))
    .build_include(".")
    .run(_LAST_COMMAND)
)
