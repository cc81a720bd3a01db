"""The site that `make docs` builds: links lead somewhere, nothing comes from elsewhere, pages fit the window."""

import os
import subprocess
import sys
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from browser import CHROMIUM, open_browser
from conftest import ROOT

from tools.site_pages import PAGES

pytestmark = pytest.mark.slow
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "link": "href", "video": "src"}
"""Attributes whose address a browser asks for without a click."""


class Page(HTMLParser):
    """Links, anchors and fetched addresses of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.fetched = set(), {"", "__skip"}, set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {value for name in ("id", "name") if (value := given.get(name))}
        self.links |= {value for name in ("href", "src", "srcset") if (value := given.get(name))}
        if tag in FETCHED and given.get("rel") != "canonical" and (value := given.get(FETCHED[tag])):
            self.fetched.add(value)


def build(folder, *options):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder), *options],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


def test_each_page_of_docs_and_beside_it_is_in_the_site(pages):
    sources = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    sources |= {name for source, name in PAGES.items() if (ROOT / source).exists()}
    assert {source.removesuffix(".md") + ".html" for source in sources} <= set(pages)


def test_each_link_and_each_anchor_leads_somewhere(site, pages):
    dead = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            # The page of what is not found has links from the root on: it is shown at any address.
            start = site if parts.path.startswith("/") else (site / name).parent
            path = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else site / name
            path = path / "index.html" if path.is_dir() else path
            target = pages.get(path.relative_to(site).as_posix()) if path.is_relative_to(site) else None
            if not path.exists() or (target and unquote(parts.fragment) not in target.anchors):
                dead.append((name, link))
    assert dead == []


def test_each_link_into_the_repository_is_a_file_of_it(pages):
    start = "https://github.com/OWNER/churn-api/"
    links = {link.removeprefix(start) for page in pages.values() for link in page.links if link.startswith(start)}
    paths = {urlsplit(link).path.split("/main/")[1] for link in links if link.startswith(("blob/main/", "tree/main/"))}
    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_nothing_is_fetched_from_elsewhere(site, pages):
    assert {link for page in pages.values() for link in page.fetched if urlsplit(link).netloc} == set()
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert sheets
    assert all("url(http" not in sheet and "@import" not in sheet for sheet in sheets)


@pytest.mark.parametrize("change", ["[gone](gone.md)", "[gone](index.md#gone)", "[gone](../k8s/README.md#gone)"])
def test_a_dead_link_or_anchor_fails_the_build(tmp_path, change):
    copy = tmp_path / "docs"
    for path in (ROOT / "docs").rglob("*"):
        if path.is_file():
            (copy / path.relative_to(ROOT / "docs")).parent.mkdir(parents=True, exist_ok=True)
            (copy / path.relative_to(ROOT / "docs")).write_bytes(path.read_bytes())
    (copy / "index.md").write_text(f"# Home\n\n{change}\n")
    configuration = ROOT / "mkdocs.yml"
    text = configuration.read_text(encoding="utf-8").replace("docs_dir: docs", f"docs_dir: {copy}")
    (tmp_path / "mkdocs.yml").write_text(text.replace("tools/site_pages.py", str(ROOT / "tools/site_pages.py")))
    done = build(tmp_path / "site", "--config-file", str(tmp_path / "mkdocs.yml"))
    assert done.returncode == 1, done.stderr
    assert "gone" in done.stderr


@pytest.fixture
def address(site):
    """The site over HTTP: from files, a browser starts no search."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_telephone_and_a_screen_in_both_schemes(address, tmp_path, scheme):
    shown = {"light": "default", "dark": "slate"}[scheme]
    with open_browser(tmp_path) as browser:
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        for name in ("index", "reference/settings", "operations"):
            for width in (390, 1280):
                sizes = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
                browser.call("Emulation.setDeviceMetricsOverride", **sizes)
                browser.visit(f"{address}/{name}.html", f"document.body.dataset.mdColorScheme == '{shown}'")
                assert browser.run("document.documentElement.scrollWidth") <= width, (name, width)
                assert browser.requests
                assert [url for url in browser.requests if not url.startswith((address, "data:", "blob:"))] == []
                assert browser.errors == []
        search = "document.querySelector('[data-md-component=search-query]')"
        browser.run(
            f"{search}.focus(); {search}.value = 'CHURN_POLL_SECONDS'; {search}.dispatchEvent(new Event('keyup'))"
        )
        browser.wait("document.querySelector('.md-search-result__link') !== null")
