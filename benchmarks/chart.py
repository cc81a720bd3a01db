"""Requests a second as a bar chart: a self-contained SVG that reads in light and dark."""

from typing import Any
from xml.sax.saxutils import escape

WIDTH, ROW, LABEL, TOP = 760, 34, 250, 44
_STYLE = """
text { font: 14px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.own { fill: #0969da } .other { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .own { fill: #4493f8 } .other { fill: #6e7681 } }
"""


def draw(servers: list[dict[str, Any]]) -> str:
    """One bar a loaded server, the fastest first; the first of `servers` is ours."""
    loaded = sorted((server for server in servers if "rps" in server), key=lambda server: -server["rps"])
    most = loaded[0]["rps"]
    height = TOP + ROW * len(loaded) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{_STYLE}</style>",
        '<text class="title" x="10" y="24">Predictions a second on one core (and 99th percentile of the delay)</text>',
    ]
    for number, server in enumerate(loaded):
        y = TOP + ROW * number
        length = max(server["rps"] / most * (WIDTH - LABEL - 190), 2)
        kind = "own" if server["name"] == servers[0]["name"] else "other"
        parts.append(f'<text x="10" y="{y + 17}">{escape(server["name"])}</text>')
        parts.append(f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{length:.1f}" height="24" rx="3"/>')
        figures = f"{server['rps']:,.0f}  ({server['p99_ms']:.1f} ms)"
        parts.append(f'<text x="{LABEL + length + 8:.1f}" y="{y + 17}">{figures}</text>')
    return "\n".join([*parts, "</svg>\n"])
