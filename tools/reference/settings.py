"""Settings by topic."""

from typing import Any

from churn.settings import TOPICS, VARIABLES


def facts() -> dict[str, Any]:
    """The texts of the page."""
    return {"topics": {topic: [item for item in VARIABLES if item.topic == topic] for topic in TOPICS}}
