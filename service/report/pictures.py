"""The report's pictures as SVG: plain shapes and text, no script, no style sheet, nothing loaded from elsewhere.

Coordinates are rounded to a tenth, so that the same numbers give the same bytes. Colours differ in lightness as well,
for print without colour. Must not know evaluations or languages: labels come in.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 640.0, 150.0, 20.0, 14.0, 44.0
INK, MUTED, BAND, DARK, ACCENT = "#1a1a1a", "#595959", "#cfe0ee", "#154273", "#b34700"
_FONT = 'font-family="Libertinus Serif, Segoe UI, Arial, sans-serif"'


@dataclass(frozen=True)
class Interval:
    """One row of a picture of intervals; None where it is not known."""

    label: str
    middle: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram from `start` to `end` with the band in which it is expected."""

    start: float
    end: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Dot:
    """A point at x with its height and the band in which it is expected."""

    x: float
    y: float
    low: float
    high: float


class _Drawing:
    """Shapes on a plane with linear axes; `left` is the margin for labels."""

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], height: float, left: float = 60.0
    ) -> None:
        self._x, self._y, self.height, self._left = x, y, height, left
        self._shapes: list[str] = []

    def at_x(self, value: float) -> float:
        low, high = self._x
        return self._left + (value - low) / (high - low) * (WIDTH - self._left - RIGHT)

    def at_y(self, value: float) -> float:
        low, high = self._y
        return self.height - BOTTOM - (value - low) / (high - low) * (self.height - BOTTOM - TOP)

    def box(self, x1: float, y1: float, x2: float, y2: float, fill: str, edge: str = "none") -> None:
        self._shapes.append(
            f'<rect x="{min(x1, x2):.1f}" y="{min(y1, y2):.1f}" width="{abs(x2 - x1):.1f}" '
            f'height="{abs(y2 - y1):.1f}" fill="{fill}" stroke="{edge}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str = INK, dash: str = "") -> None:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="1.5"{dashed}/>'
        )

    def dot(self, x: float, y: float, colour: str = DARK) -> None:
        self._shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')

    def curve(self, points: Sequence[tuple[float, float]], colour: str = DARK) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')

    def text(self, x: float, y: float, said: str, anchor: str = "middle", colour: str = INK) -> None:
        self._shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="13" fill="{colour}" {_FONT}>'
            f"{html.escape(said)}</text>"
        )

    def x_axis(self, ticks: Sequence[tuple[float, str]], title: str) -> None:
        base = self.height - BOTTOM
        self.line(self._left, base, WIDTH - RIGHT, base, MUTED)
        for value, label in ticks:
            self.line(self.at_x(value), base, self.at_x(value), base + 5, MUTED)
            self.text(self.at_x(value), base + 19, label)
        self.text((self._left + WIDTH - RIGHT) / 2, self.height - 6, title, colour=MUTED)

    def y_axis(self, ticks: Sequence[tuple[float, str]]) -> None:
        for value, label in ticks:
            y = self.at_y(value)
            self.line(self._left, y, self._left - 5, y, MUTED)
            self.text(self._left - 8, y + 4, label, "end")

    def svg(self, title: str) -> str:
        inside = "".join(self._shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {self.height:.0f}" '
            f'width="{WIDTH:.0f}" height="{self.height:.0f}" role="img" aria-label="{html.escape(title)}">'
            f"{inside}</svg>"
        )


def intervals(
    rows: Sequence[Interval],
    ticks: Sequence[tuple[float, str]],
    title: str,
    alternative: str,
    shaded: tuple[float, float] | None = None,
    marked: float = 0.0,
) -> str:
    """Rows of a point with its interval, over a shaded region; a dashed line stands at `marked`."""
    ends = [end for row in rows for end in (row.lower, row.upper, row.middle) if end is not None]
    values = [*ends, *(shaded or ()), marked]
    margin = 0.08 * (max(values) - min(values) or 1.0)
    drawn = _Drawing(
        (min(values) - margin, max(values) + margin), (0, 1), TOP + BOTTOM + 28 * len(rows), LEFT
    )
    base = drawn.height - BOTTOM
    if shaded:
        drawn.box(drawn.at_x(shaded[0]), TOP, drawn.at_x(shaded[1]), base, BAND)
    drawn.line(drawn.at_x(marked), TOP, drawn.at_x(marked), base, MUTED, "4 3")
    for place, row in enumerate(rows):
        y = TOP + 28 * place + 14
        drawn.text(LEFT - 8, y + 4, row.label, "end")
        if row.lower is not None and row.upper is not None:
            drawn.line(drawn.at_x(row.lower), y, drawn.at_x(row.upper), y, DARK)
        drawn.dot(drawn.at_x(row.middle), y)
    low, high = drawn._x
    drawn.x_axis([tick for tick in ticks if low <= tick[0] <= high], title)
    return drawn.svg(alternative)


def histogram(
    bars: Sequence[Bar],
    edges: Sequence[tuple[float, str]],
    labels: Sequence[tuple[float, str]],
    title: str,
    alternative: str,
) -> str:
    """Bars from 0 to 1 with the band of each, over their edges and beside a scale."""
    top = max([*(bar.share for bar in bars), *(bar.high for bar in bars), 0.01]) * 1.1
    drawn = _Drawing((0, 1), (0, top), 260)
    for bar in bars:
        x1, x2 = drawn.at_x(bar.start), drawn.at_x(bar.end)
        drawn.box(x1, drawn.at_y(bar.low), x2, drawn.at_y(bar.high), BAND)
    for bar in bars:
        x1, x2 = drawn.at_x(bar.start) + 3, drawn.at_x(bar.end) - 3
        drawn.box(x1, drawn.at_y(0), x2, drawn.at_y(bar.share), "none", DARK)
        drawn.line(x1, drawn.at_y(bar.share), x2, drawn.at_y(bar.share), DARK)
    drawn.x_axis(edges, title)
    drawn.y_axis([label for label in labels if label[0] <= top])
    return drawn.svg(alternative)


def reliability(dots: Sequence[Dot], ticks: Sequence[tuple[float, str]], title: str, alternative: str) -> str:
    """Observed against stated shares, with the diagonal of perfect reliability and its bands."""
    drawn = _Drawing((0, 1), (0, 1), 360)
    for dot in dots:
        x = drawn.at_x(dot.x)
        drawn.box(x - 7, drawn.at_y(dot.low), x + 7, drawn.at_y(dot.high), BAND)
    drawn.line(drawn.at_x(0), drawn.at_y(0), drawn.at_x(1), drawn.at_y(1), MUTED, "4 3")
    for dot in dots:
        drawn.dot(drawn.at_x(dot.x), drawn.at_y(dot.y))
    drawn.x_axis(ticks, title)
    drawn.y_axis(ticks)
    return drawn.svg(alternative)


def process(
    points: Sequence[tuple[int, float]],
    threshold: float,
    written: Callable[[float], str],
    title: str,
    alternative: str,
) -> str:
    """An e-process over years on a logarithmic scale, with the line it must cross."""
    logs = [math.log10(max(value, 1e-6)) for _, value in points]
    bar = math.log10(threshold)
    low, high = min([*logs, -1.0]), max([*logs, bar]) + 0.2
    years = [year for year, _ in points]
    span = (min(years) - 0.5, max(years) + 0.5)
    drawn = _Drawing(span, (low, high), 280)
    places = [(drawn.at_x(year), drawn.at_y(log)) for year, log in zip(years, logs, strict=True)]
    drawn.line(drawn.at_x(span[0]), drawn.at_y(bar), drawn.at_x(span[1]), drawn.at_y(bar), ACCENT, "6 4")
    drawn.text(drawn.at_x(span[1]) - 4, drawn.at_y(bar) - 6, written(threshold), "end", ACCENT)
    drawn.line(drawn.at_x(span[0]), drawn.at_y(0), drawn.at_x(span[1]), drawn.at_y(0), MUTED, "4 3")
    drawn.curve(places)
    for x, y in places:
        drawn.dot(x, y)
    step = -(-len(years) // 12)
    drawn.x_axis([(year, str(year)) for year in years[::step]], title)
    drawn.y_axis([(float(e), written(10.0**e)) for e in range(math.ceil(low), math.floor(high) + 1)])
    return drawn.svg(alternative)
