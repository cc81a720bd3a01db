"""Requests a second as a bar chart: a self-contained SVG for light and dark pages, from 360 pixels of width."""

import textwrap
from xml.sax.saxutils import escape

from contestants import LIMIT, OWN
from report import times
from results import Measured, Results, TableResults

WIDTH, MARGIN = 400, 10
LINE, BAR, GAP = 16, 15, 12
LETTER = 0.6
"""Width of a letter, of the size of the font."""
TEXT_SIZE, SMALL_SIZE = 12, 11.5
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .name { font-size: 13px } .small { font-size: 11.5px }
.own-0 { fill: #1f6feb } .own-1 { fill: #79c0ff } .other-0 { fill: #6e7781 } .other-1 { fill: #afb8c1 }
.on-0 { fill: #ffffff } .on-1 { fill: #24292f }
.limit { fill: #bf8700; fill-opacity: .22 } .edge-0, .edge-1 { stroke: #9a6700; stroke-width: 1.5 }
.edge-1 { stroke-dasharray: 4 3 } .range { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .on-0 { fill: #ffffff } .on-1 { fill: #24292f } .limit { fill: #d29922 }
.edge-0, .edge-1 { stroke: #d29922 } .range { stroke: #e6edf3 } }
"""


class Drawing:
    """Parts of an SVG, downwards from the top."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.y = float(MARGIN)

    def text(self, content: str, kind: str = "", x: float = MARGIN, height: float = LINE) -> None:
        """One line; the next stands `height` below."""
        mark = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text{mark} x="{x:.1f}" y="{self.y + height - 4:.1f}">{escape(content)}</text>')
        self.y += height

    def paragraph(self, content: str) -> None:
        """Small text, broken where a line is full."""
        letters = int((WIDTH - 2 * MARGIN) / (SMALL_SIZE * LETTER))
        for line in textwrap.wrap(content, letters, break_on_hyphens=False):
            self.text(line, "small")

    def bar(self, kind: str, x: float, width: float, height: float = BAR) -> None:
        """From the present height down."""
        self.parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{self.y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        )

    def line(self, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Between two points."""
        (x1, y1), (x2, y2) = start, end
        self.parts.append(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def svg(self, title: str) -> str:
        """The whole file."""
        height = self.y + MARGIN
        head = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="560" role="img"'
        return "\n".join(
            [f"<svg {head}>", f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>", *self.parts, "</svg>\n"]
        )


def draw(results: Results) -> str:
    """Two bars a server where there are two tables, and the limit of each as a band over all of them."""
    drawing = Drawing()
    title = "Predictions a second on one core"
    drawing.text(title, "title", height=20)
    _legend(drawing, results)
    most = max(table.servers[-1].spread("rps").high for table in results.tables)
    scale = (WIDTH - 2 * MARGIN) / most
    top, kept = drawing.y, drawing.parts
    drawing.parts = []
    for number in _by_speed(results.tables[0]):
        drawing.text(results.tables[0].servers[number].name, "name")
        for place, table in enumerate(results.tables):
            _server(drawing, table.servers[number], place, scale)
        drawing.y += GAP
    bars, drawing.parts = drawing.parts, kept
    _limits(drawing, results, scale, top)
    drawing.parts += bars
    drawing.paragraph(f"{results.conditions()}. Linear scale from 0; the line across a bar's end is its range.")
    return drawing.svg(f"{title}, {OWN} and others")


def _by_speed(table: TableResults) -> list[int]:
    loaded = table.servers[:-1]
    return sorted(range(len(loaded)), key=lambda number: -loaded[number].spread("rps").median)


def _legend(drawing: Drawing, results: Results) -> None:
    for place, table in enumerate(results.tables):
        for column, kind in enumerate(("own", "other")):
            drawing.bar(f"{kind}-{place}", MARGIN + 16 * column, 14, 11)
        drawing.text(table.title, x=MARGIN + 40)
    rates = " and (dashed) ".join(f"{table.servers[-1].spread('rps').median:,.0f}" for table in results.tables)
    drawing.bar("limit", MARGIN, 30, 11)
    drawing.text(f"{LIMIT}: {rates}", x=MARGIN + 40)
    drawing.text("the most that this server can answer, lowest-highest", x=MARGIN + 40, kind="small")
    drawing.y += 6


def _limits(drawing: Drawing, results: Results, scale: float, top: float) -> None:
    bottom = drawing.y
    for place, table in enumerate(results.tables):
        rate = table.servers[-1].spread("rps")
        drawing.y = top
        drawing.bar("limit", MARGIN + rate.low * scale, max((rate.high - rate.low) * scale, 1), bottom - top - GAP / 2)
        x = MARGIN + rate.median * scale
        drawing.line(f"edge-{place}", (x, top), (x, bottom - GAP / 2))
    drawing.y = bottom


def _server(drawing: Drawing, server: Measured, place: int, scale: float) -> None:
    own = server.name == OWN
    rate = server.spread("rps")
    length = max(rate.median * scale, 2)
    middle = drawing.y + BAR / 2 - 1
    drawing.bar(f"{'own' if own else 'other'}-{place}", MARGIN, length, BAR - 2)
    drawing.line("range", (MARGIN + rate.low * scale, middle), (MARGIN + rate.high * scale, middle))
    start = MARGIN + max(length, rate.high * scale) + 6
    figures = _figures(server)
    width = len(figures) * TEXT_SIZE * LETTER
    if start + width < WIDTH - MARGIN:
        drawing.text(figures, x=start, height=BAR)
    elif width + 6 < rate.low * scale:
        drawing.text(figures, f"on-{place}", x=MARGIN + 6, height=BAR)
    else:  # no room for all of it beside the bar, nor on it
        drawing.text(f"{rate.median:,.0f}", x=start, height=BAR)


def _figures(server: Measured) -> str:
    rate = f"{server.spread('rps').median:,.0f}"
    if server.faulty():
        return "errors or wrong answers"
    if server.name == OWN:
        return f"{rate} (p99 {server.spread('p99_ms').median:.1f} ms)"
    return f"{rate}; {OWN} {times(server.ratio()).replace(' ', ' times ', 1)}"
