"""Chart of a page: axes, and paths in a box of pixels. `chart.html.jinja` draws it, `style.css` has the classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from churn.page.scales import Scale

type Points = Iterable[tuple[float, float]]

WIDTH, HEIGHT = 334.0, 230.0


@dataclass(frozen=True)
class Note:
    """A text in a chart: its place in pixels, and its `text-anchor`."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """Axes, paths and texts; the origin is the upper left corner of the plot.

    Attributes:
        label: what the chart shows, for those who do not see it.
        paths: (class, path data) in the order of drawing.

    """

    label: str
    x: Scale
    y: Scale
    paths: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT


class Box:
    """A plot's box: turns figures into path data."""

    def __init__(self, x: Scale, y: Scale, width: float = WIDTH, height: float = HEIGHT) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height

    def point(self, x: float, y: float) -> str:
        """A place in pixels, to a tenth."""
        return f"{self.x.place(x) * self.width:.1f},{(1 - self.y.place(y)) * self.height:.1f}"

    def line(self, points: Points) -> str:
        """Straight lines from point to point."""
        return "M" + "L".join(self.point(*point) for point in points)

    def area(self, low: Points, high: Points) -> str:
        """The area between two lines."""
        return self.line([*low, *reversed(list(high))]) + "Z"

    def bar(self, left: float, right: float, height: float) -> str:
        """A bar from 0."""
        return self.line([(left, 0.0), (left, height), (right, height), (right, 0.0)]) + "Z"

    def steps(self, edges: Sequence[float], heights: Sequence[float]) -> str:
        """The outline of adjoining bars: one edge more than bars."""
        tops = [
            (edge, height)
            for (left, right), height in zip(pairwise(edges), heights, strict=True)
            for edge, height in ((left, height), (right, height))
        ]
        return self.line([(edges[0], 0.0), *tops, (edges[-1], 0.0)])

    def dots(self, points: Points) -> str:
        """Lines of no length, which round caps make dots."""
        return "".join(f"M{self.point(*point)}h0" for point in points)

    def whiskers(self, bars: Iterable[tuple[float, float, float]]) -> str:
        """Vertical intervals (x, low, high), with ends."""
        return "".join(
            f"M{self.point(x, low)}m-3,0h6m-3,0L{self.point(x, high)}m-3,0h6" for x, low, high in bars
        )  # fmt: skip

    def note(self, x: float, y: float, text: str, *, up: float = 0.0, anchor: str = "middle") -> Note:
        """A text at a figure's place, so many pixels above it."""
        return Note(self.x.place(x) * self.width, (1 - self.y.place(y)) * self.height - up, text, anchor)

    def upright(self, x: float, text: str) -> tuple[tuple[str, str], Note]:
        """A vertical line through the plot, with its text beside its upper end."""
        left = self.x.place(x) > 0.6
        note = Note(self.x.place(x) * self.width + (-6 if left else 6), 12, text, "end" if left else "start")
        return ("guide", self.line([(x, self.y.low), (x, self.y.high)])), note
