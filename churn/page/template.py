"""Rendering of page templates: a folder's own, beside the layout and the style sheet that all pages share."""

from pathlib import Path

import jinja2

from churn.page import words

_FILTERS = ("number", "percent", "p_value", "shorten", "moment", "anchor")


def page_environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder and the shared ones. What is put into them is escaped, and must be there."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(words, name) for name in _FILTERS}
    return environment
