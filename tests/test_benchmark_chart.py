"""The committed chart in a real browser, in a window of 360 pixels and in a wide one, light and dark."""

from itertools import pairwise
from pathlib import Path

import pytest
from browser import CHROMIUM, open_browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

CHART = Path(__file__).parent.parent / "benchmarks" / "results" / "comparison.svg"
TEXTS = """[...document.querySelectorAll("svg text")].map(text => {
  const box = text.getBoundingClientRect(), style = getComputedStyle(text);
  const scale = document.querySelector("svg").getScreenCTM().a;
  return {content: text.textContent, left: box.left, right: box.right, top: box.top, bottom: box.bottom,
          size: parseFloat(style.fontSize) * scale, fill: style.fill};
})"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.html"
    style = "<style>body { margin: 0 } svg { max-width: 100%; height: auto; display: block }</style>"
    path.write_text(f"<!doctype html><meta name=viewport content=width=device-width>{style}{CHART.read_text()}")
    return path


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1280, True)])
def test_texts_are_whole_apart_and_large_enough(browser, page, width, dark):
    browser.open(page, width=width, dark=dark)
    texts = browser.run(TEXTS)
    assert len(texts) > 20
    assert [text for text in texts if text["left"] < 0 or text["right"] > min(width, 560)] == []
    assert [text for text in texts if text["size"] < 10] == []
    ink, inside = "rgb(230, 237, 243)" if dark else "rgb(36, 41, 47)", {"rgb(255, 255, 255)", "rgb(36, 41, 47)"}
    assert ink in {text["fill"] for text in texts} <= {ink} | inside
    for above, below in pairwise(texts):
        assert above["bottom"] <= below["top"] + 3, (above, below)
