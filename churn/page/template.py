"""Rendering of page templates: a folder's own, beside the layout and the style sheet that all pages share."""

from pathlib import Path
from typing import Any

import jinja2

from churn.page.words import number, percent, shorten


def page_environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder and the shared ones. What is put into them is escaped, and must be there."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"number": number, "percent": percent, "shorten": shorten}
    environment.filters |= filters
    return environment
