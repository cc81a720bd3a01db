"""The churn domain: data, training, gate, registry, scoring, journal and drift. No HTTP, no Kubernetes."""

import os

__version__ = "1.0.0"
"""Of the software: in the image's labels, the OpenAPI document, traces, metrics, and what `--version` prints."""

# ONNX Runtime sends usage figures to its makers, and keeps a device id in the home folder, unless told not to before
# it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
