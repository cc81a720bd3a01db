"""The pages in a real browser: nothing overflows, nothing is loaded, and every text can be read."""

import re

import numpy as np
import pytest
from browser import CHROMIUM, open_browser
from drift_samples import make_report
from report_samples import make_document

from churn.drift.page import render_page as render_drift
from churn.model_report.page import render_comparison, render_page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

WINDOWS = [(360, False), (390, True), (1280, False), (1280, True)]
CONTRAST = """(() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.nodeValue.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const front = rgb(element instanceof SVGElement ? style.fill : style.color);
    const [low, high] = [light(front), light(behind(element))].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), text]);
  }
  return found.sort((a, b) => a[0] - b[0]).slice(0, 200).concat([["texts", found.length]]);
})()"""
CLIPPED = """[...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const own = text.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1 || own.top < box.top - 1 || own.bottom > box.bottom + 1;
  }).map(text => text.textContent);
})"""
SMALLEST = """Math.min(...[...document.querySelectorAll('svg text')].map(text =>
  parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""
COLLIDING = """[...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const both = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  return texts.flatMap(([one, a], at) => texts.slice(at + 1).filter(([other, b]) =>
    both(a, b, 'left', 'right') > 1 && both(a, b, 'top', 'bottom') > 5
  ).map(([other]) => one + ' on ' + other));
})"""


def pages():
    """Page -> its content: both estimators, each objective, 200 features, few rows, a comparison, and drift."""
    return {
        "linear": render_page(make_document()),
        "boosting": render_page(make_document(estimator="hist-gradient-boosting", objective="cost", seed=3)),
        "wide": render_page(make_document(features=200, objective="top", passed=False)),
        "few": render_page(make_document(rows=60, features=1)),
        "comparison": render_comparison(make_document(), make_document(features=200, seed=2)),
        "drift": render_drift(make_report(np.random.default_rng(21))),
        "much drift": render_drift(much_drift()),
    }


def much_drift():
    """Rows far outside the training range, and thousands of new categories with long names."""
    rng = np.random.default_rng(21)
    towns = np.array([f"Town {number} on the river, in the district of the same name" for number in range(5000)])
    return make_report(rng, rows=5000, region=towns, tenure_months=rng.lognormal(5, 1, 5000))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("name", list(pages()))
def test_a_page_is_whole_and_readable_in_every_window(name, browser, tmp_path):
    path = tmp_path / f"{name}.html"
    path.write_bytes(pages()[name])
    for width, dark in WINDOWS:
        browser.open(path, width=width, dark=dark)
        assert [url for url in browser.requests if url != "data:,"] == [path.as_uri()]
        assert browser.run("document.documentElement.scrollWidth <= innerWidth"), (width, dark)
        background = browser.run("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", background))) < 64) == dark
        *worst, (_, texts) = browser.run(CONTRAST)
        assert texts > 50
        assert [pair for pair in worst if pair[0] < 4.5] == [], (width, dark)
        assert browser.run(CLIPPED) == [], width
        assert browser.run(COLLIDING) == [], width
        assert browser.run(SMALLEST) >= 10, width


def test_the_report_prints_on_paper(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(pages()["linear"])
    browser.open(path, width=1280)
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.call("Emulation.setDeviceMetricsOverride", width=718, height=1000, deviceScaleFactor=1, mobile=False)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    beyond = "part => part.getBoundingClientRect().right > innerWidth"
    assert not browser.run(f"[...document.querySelectorAll('.card *')].some({beyond})")
    assert browser.run("getComputedStyle(document.querySelector('.card')).breakInside") == "avoid"
    assert browser.pdf().startswith(b"%PDF-")
