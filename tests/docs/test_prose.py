"""Prose of the documentation: short sentences, an example on each page, short explanations."""

from collections.abc import Callable

import pytest
from conftest import ROOT
from markdown_text import FENCE, count_words, sentences

DOCS = ROOT / "docs"
ENTRANCE = [page for page in (ROOT / "README.md", DOCS / "tutorial.md") if page.exists()]
PAGES = sorted(DOCS.rglob("*.md"))
EXPLANATIONS = sorted((DOCS / "explanations").glob("*.md"))


def named(pages) -> Callable[[Callable], Callable]:
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


@named(ENTRANCE)
def test_no_sentence_is_over_35_words(page):
    found = sentences(page.read_text(encoding="utf-8"))
    assert len(found) > 20
    assert not [sentence for sentence in found if count_words(sentence) > 35]


@named(PAGES)
def test_each_page_has_an_example(page):
    assert FENCE.search(page.read_text(encoding="utf-8"))


@named(EXPLANATIONS)
def test_an_explanation_is_at_most_two_screens(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert count_words(text) <= 900


def test_sentences_are_told_apart():
    text = """# A heading
One `a b c` two. Three [four five](https://six.example/seven) eight!

| a | table |
| --- | --- |

- an item
  that goes on
- another. And more

```sh
never counted. Never
```
Last"""
    assert sentences(text) == [
        "# A heading",
        "One code two.",
        "Three four five eight!",
        "- an item that goes on",
        "- another.",
        "And more",
        "Last",
    ]
