"""Requests a second as a bar chart: a self-contained SVG for light and dark pages, from 360 pixels of width."""

import textwrap
from xml.sax.saxutils import escape

from contestants import OWN
from report import times
from results import Measured, Results, Spread, TableResults

WIDTH, MARGIN = 400, 10
LINE, BAR, GAP = 16, 15, 12
LETTER = 0.55
"""Width of a letter, of the size of the font."""
FIGURE_SIZE, SMALL_SIZE = 12, 11.5
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .name { font-size: 13px } .small { font-size: 11.5px }
.own-0 { fill: #0969da } .own-1 { fill: #54aeff } .other-0 { fill: #57606a } .other-1 { fill: #9ea7b1 }
.limit { fill: #bf8700; fill-opacity: .22 } .edge-0, .edge-1 { stroke: #9a6700; stroke-width: 1.5 }
.edge-1 { stroke-dasharray: 4 3 } .range { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .own-0 { fill: #1f6feb } .own-1 { fill: #79c0ff } .other-0 { fill: #8b949e }
.other-1 { fill: #5a626d } .limit { fill: #d29922 } .edge-0, .edge-1 { stroke: #d29922 } .range { stroke: #e6edf3 } }
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
        for line in textwrap.wrap(content, int((WIDTH - 2 * MARGIN) / (SMALL_SIZE * LETTER))):
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
    rates = " and ".join(f"{table.servers[-1].spread('rps').median:,.0f}" for table in results.tables)
    drawing.bar("limit", MARGIN, 30, 11)
    drawing.text(f"the most that this server can answer: {rates}", x=MARGIN + 40)
    drawing.text("(uvicorn, empty answer; band: lowest to highest round)", x=MARGIN + 40, kind="small")
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
    rate, delay = server.spread("rps"), server.spread("p99_ms").median
    length = max(rate.median * scale, 2)
    middle = drawing.y + BAR / 2 - 1
    drawing.bar(f"{'own' if own else 'other'}-{place}", MARGIN, length, BAR - 2)
    drawing.line("range", (MARGIN + rate.low * scale, middle), (MARGIN + rate.high * scale, middle))
    figures = f"{rate.median:,.0f}, p99 {delay:,.0f} ms"
    start = MARGIN + max(length, rate.high * scale) + 6
    drawing.text(figures if own else f"{figures}; {OWN} {_times(server)}", x=start, height=BAR)


def _times(server: Measured) -> str:
    ratio: Spread = server.ratio()
    return f"{times(ratio).replace(' ', ' times ', 1)}"
