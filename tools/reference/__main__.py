"""Reference pages: `python -m tools.reference [FOLDER]` writes docs/reference/*.md, made from the code."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

from tools.reference import commands, exit_codes, files, metrics, routes, settings

ROOT = Path(__file__).parents[2]
PAGES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "commands": commands.facts,
    "settings": settings.facts,
    "routes": routes.facts,
    "metrics": metrics.facts,
    "files": files.facts,
    "exit-codes": exit_codes.facts,
}
"""What the template of each page is given."""


def main(arguments: list[str]) -> int:
    """Write every page; returns an exit code."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown of our own texts
    )
    environment.filters["cell"] = _cell
    pages = {name: environment.get_template(f"{name}.md.jinja").render(facts()) for name, facts in PAGES.items()}
    for name, page in pages.items():
        (folder / f"{name}.md").write_text(page, encoding="utf-8")
    return 0


def _cell(text: str) -> str:
    """A text within a table."""
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
