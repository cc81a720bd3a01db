"""The releases of other projects that the tests have seen, and a warning at a start with others."""

import logging
from importlib.metadata import PackageNotFoundError, version

log = logging.getLogger("churn.releases")

TESTED = {
    "bentoml": "1.4.40",
    "httptools": "0.9.0",
    "kantoku": "0.18.3",  # Circus
    "prometheus-client": "0.26.0",
    "uvicorn": "0.54.0",
    "uvloop": "0.23.0",
}
"""As pyproject.toml pins them."""


def warn_of_untested_releases() -> None:
    """Log one warning that names each installed release that is not the tested one."""
    untested = []
    for name, tested in TESTED.items():
        try:
            installed = version(name)
        except PackageNotFoundError:  # as uvloop is on Windows
            continue
        if installed != tested:
            untested.append(f"{name} {installed} (tested: {tested})")
    if untested:
        log.warning("untested releases", extra={"releases": untested})
