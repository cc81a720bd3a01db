"""Files under `CHURN_HOME` and inside a stored model."""

from typing import Any

from churn.registry.layout import TEMPORARY_PREFIX
from churn.stored_files import HomeFile, ModelFile


def facts() -> dict[str, Any]:
    """The texts of the page."""
    return {"home": list(HomeFile), "model": list(ModelFile), "temporary_prefix": TEMPORARY_PREFIX}
