"""Pages of the site that are not in docs/, and links that hold both on GitHub and in the site: hooks of MkDocs."""

import re
from pathlib import Path
from posixpath import dirname, normpath, relpath
from urllib.parse import urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "k8s/README.md": "kubernetes.md",
    "benchmarks/README.md": "benchmarks.md",
    "data/README.md": "data.md",
    "examples/README.md": "examples.md",
}
"""Pages by the files that they are made of; a file that is not there is no page."""
PICTURES = "benchmarks/results/*.svg"
_CODE = re.compile(r"^ *(```|~~~).*?^ *\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"""(?P<before>\]\(|(?:href|src|srcset)=["'])(?P<target>[^)"'\s]+)""")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that are elsewhere."""
    pictures = {path.relative_to(ROOT).as_posix(): path.relative_to(ROOT).as_posix() for path in ROOT.glob(PICTURES)}
    for source, name in {**PAGES, **pictures}.items():
        if (ROOT / source).exists():
            files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page that lead out of docs/."""
    sources = {name: source for source, name in PAGES.items()}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    code = [match.span() for match in _CODE.finditer(markdown)]

    def rewrite(link: re.Match[str]) -> str:
        if any(start <= link.start() < end for start, end in code):
            return link[0]
        return link["before"] + site_link(link["target"], source, page.file.src_uri, files, config.extra["repository"])

    return _LINK.sub(rewrite, markdown)


def site_link(target: str, source: str, uri: str, files: Files, repository: str) -> str:
    """What a link of a file is in the site.

    Args:
        target: as it stands in the file.
        source: the file, from the project's folder on.
        uri: the page that is made of it.
        files: those of the site.
        repository: address of the project, for what is no page.

    Returns:
        A link from that page on; as it was where it leads nowhere, which MkDocs then says.

    """
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not parts.path:
        return target
    path = normpath(f"{dirname(source)}/{parts.path}".lstrip("/"))
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    inside = PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else path)
    if files.get_file_from_path(inside):
        return relpath(inside, dirname(uri) or ".") + anchor
    if (ROOT / path).exists():
        return f"{repository}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}{anchor}"
    return target
