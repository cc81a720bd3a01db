import re

import pytest

TEXT_ON = {
    "paper": ("ink", "soft"),
    "card": ("ink", "soft", "bad", "good"),
    "bad-back": ("ink", "soft", "bad"),
    "good-back": ("ink", "soft", "good"),
}
GRAPHICS = ("accent", "second", "third", "base")
SCHEMES = ("light", "dark", "print")


@pytest.fixture(scope="module")
def colours(pytestconfig):
    """Scheme -> name -> colour, of the shared style sheet."""
    text = (pytestconfig.rootpath / "churn" / "page" / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{([^}]*)\}", text)
    return {
        scheme: dict(re.findall(r"--([\w-]+): (#\w+)", block)) for scheme, block in zip(SCHEMES, blocks, strict=True)
    }


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_that_of_the_standard():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_and_graphics_stand_out_from_each_background(colours, scheme):
    found = colours[scheme]
    for background, texts in TEXT_ON.items():
        for text in texts:
            assert contrast(found[text], found[background]) >= 4.5, (text, background)
    for graphic in GRAPHICS:
        assert contrast(found[graphic], found["card"]) >= 3, graphic


def test_every_colour_is_one_of_these(pytestconfig, colours):
    assert len({frozenset(found) for found in colours.values()}) == 1
    text = (pytestconfig.rootpath / "churn" / "page" / "style.css").read_text(encoding="utf-8")
    rest = re.sub(r":root \{[^}]*\}", "", text)
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb|hsl", rest)
    for kind, folder in (("page", "drift"), ("page", "model_report"), ("compare", "model_report")):
        template = (pytestconfig.rootpath / "churn" / folder / f"{kind}.html.jinja").read_text(encoding="utf-8")
        assert "<style" not in template
