"""Charts as SVG text: lines with bands over an axis, and bars with whiskers. PURE.

A file shows itself in light or dark as its reader's system is set, needs no script and no font of its own, and says in
words what it shows (title and description) to those who do not see it. Why our own: docs/decisions/0161.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 94, 52  # margins: title and legend above, labels at the left and below
BAR, GAP = 16, 10
# Six colours that people with any colour vision tell apart, each with a sister for dark ground.
LIGHT = ("#1f6fb2", "#c2541a", "#2b8560", "#8457b0", "#977400", "#b8436f")
DARK = ("#6cb6f0", "#f0935c", "#5fc79a", "#bd97e6", "#dcb93f", "#ee86ab")

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A scale with its words."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line, with a band around it where the truth may lie."""

    name: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float, float]] = ()  # x, low, high


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A bar from 0 to 1."""

    label: str
    series: int  # number of the colour
    value: float
    low: float
    high: float


def steps(low: float, high: float, count: int = 6) -> list[float]:
    """Round numbers from ``low`` to at least ``high``, about ``count`` of them."""
    span = max(high - low, 1e-9)
    size = 10 ** floor(log10(span / count))
    size *= next(factor for factor in (1, 2, 5, 10) if span / (size * factor) <= count)
    first = floor(low / size)
    found = [round((first + number) * size, 10) for number in range(count + 3)]
    last = next(number for number, at in enumerate(found) if at >= high - 1e-9)
    return found[: last + 1]


def chart(
    title: str, description: str, x: Axis, y: Axis, lines: Sequence[Line], marks: Sequence[tuple[float, str]] = ()
) -> str:
    """Lines over an axis. ``marks``: vertical lines with a word."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at(point: Point) -> str:
        across = LEFT + (point[0] - x.low) / (x.high - x.low) * (right - LEFT)
        up = bottom - (point[1] - y.low) / (y.high - y.low) * (bottom - TOP)
        return f"{across:.1f},{min(max(up, TOP), bottom):.1f}"

    parts: list[str] = []
    for value, word in y.ticks:
        from_, to = at((x.low, value)), at((x.high, value))
        parts.append(f'<path class="grid" d="M{from_}L{to}"/>')
        parts.append(_text(LEFT - 8, float(from_.split(",")[1]) + 4, word, "tick end"))
    for value, word in x.ticks:
        across = float(at((value, y.low)).split(",")[0])
        parts.append(_text(across, bottom + 18, word, "tick middle"))
    for value, word in marks:
        from_, to = at((value, y.low)), at((value, y.high))
        parts.append(f'<path class="mark" d="M{from_}L{to}"/>')
        parts.append(_text(float(to.split(",")[0]) + 4, TOP + 12, word, "tick"))
    parts += [_band(number, line, at) for number, line in enumerate(lines) if line.band]
    parts += [_path(number, line, at) for number, line in enumerate(lines) if line.points]
    parts.append(f'<path class="axis" d="M{LEFT},{bottom}H{right}"/>')
    parts.append(_text((LEFT + right) / 2, HEIGHT - 12, x.label, "label middle"))
    parts.append(_text(LEFT - 50, TOP - 12, y.label, "label"))
    return _document(title, description, HEIGHT, [*parts, *_legend([line.name for line in lines])])


def bars(title: str, description: str, label: str, rows: Sequence[Sequence[Bar]], names: Sequence[str]) -> str:
    """Rows of bars from 0 to 100 %, one bar a series; whiskers show the interval."""
    left, right = 170, WIDTH - 66
    height = TOP + sum(len(row) * BAR + GAP for row in rows) + BOTTOM
    bottom = height - BOTTOM

    def across(share: float) -> float:
        return left + min(max(share, 0.0), 1.0) * (right - left)

    parts: list[str] = []
    for percent in range(0, 101, 20):
        parts.append(f'<path class="grid" d="M{across(percent / 100):.1f},{TOP}V{bottom}"/>')
        parts.append(_text(across(percent / 100), bottom + 18, f"{percent} %", "tick middle"))
    top = TOP + GAP / 2
    for row in rows:
        parts.append(_text(left - 8, top + len(row) * BAR / 2 + 4, row[0].label, "tick end"))
        for bar in row:
            width = across(bar.value) - left
            middle = top + BAR / 2
            parts.append(
                f'<rect class="f{bar.series}" x="{left}" y="{top + 1:.1f}" width="{width:.1f}" height="{BAR - 2}"/>'
            )
            if bar.high > bar.low:
                parts.append(f'<path class="whisker" d="M{across(bar.low):.1f},{middle}H{across(bar.high):.1f}"/>')
            parts.append(_text(max(across(bar.high), across(bar.value)) + 6, middle + 4, f"{bar.value:.1%}", "tick"))
            top += BAR
        top += GAP
    parts.append(_text((left + right) / 2, height - 12, label, "label middle"))
    return _document(title, description, height, [*parts, *_legend(names)])


def _band(number: int, line: Line, at: Callable[[Point], str]) -> str:
    there = [at((x, low)) for x, low, _ in line.band]
    back = [at((x, high)) for x, _, high in reversed(line.band)]
    return f'<path class="b{number % len(LIGHT)}" d="M{"L".join([*there, *back])}Z"/>'


def _path(number: int, line: Line, at: Callable[[Point], str]) -> str:
    return f'<path class="l{number % len(LIGHT)}" d="M{"L".join(at(point) for point in line.points)}"/>'


def _legend(names: Sequence[str]) -> Iterable[str]:
    """A line of names under the title; none for a single series, which the title names."""
    if len(names) < 2:
        return
    across = LEFT - 50.0
    for number, name in enumerate(names):
        yield f'<rect class="f{number % len(LIGHT)}" x="{across:.0f}" y="44" width="12" height="12" rx="2"/>'
        yield _text(across + 18, 54, name, "label")
        across += 40 + sum(14 if ord(letter) > 0x2000 else 8 for letter in name)


def _text(across: float, down: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{across:.1f}" y="{down:.1f}">{escape(words)}</text>'


def _document(title: str, description: str, height: float, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" \
aria-labelledby="t d" font-family="'Noto Sans JP','Hiragino Sans','Yu Gothic UI',system-ui,sans-serif">
<title id="t">{escape(title)}</title>
<desc id="d">{escape(description)}</desc>
<style>{_style()}</style>
<rect class="ground" width="100%" height="100%"/>
<text class="title" x="{LEFT - 50}" y="28">{escape(title)}</text>
{body}
</svg>
"""


def _style() -> str:
    light = _colours(LIGHT, ground="#ffffff", ink="#1c2024", soft="#5b636b", grid="#e3e6e9")
    dark = _colours(DARK, ground="#15181b", ink="#eceff1", soft="#a3adb5", grid="#30363b")
    return (
        ".title{font-size:17px;font-weight:600}.label{font-size:13px}.tick{font-size:12px}"
        ".middle{text-anchor:middle}.end{text-anchor:end}path{fill:none}"
        ".axis,.whisker{stroke-width:1.5}.grid{stroke-width:1}.mark{stroke-width:1;stroke-dasharray:4 4}"
        f"{light}@media(prefers-color-scheme:dark){{{dark}}}"
    )


def _colours(series: Sequence[str], *, ground: str, ink: str, soft: str, grid: str) -> str:
    fixed = (
        f".ground{{fill:{ground}}}.title,.label{{fill:{ink}}}.tick{{fill:{soft}}}.grid{{stroke:{grid}}}"
        f".axis,.mark{{stroke:{soft}}}.whisker{{stroke:{ink}}}"
    )
    each = (
        f".l{number}{{stroke:{colour};stroke-width:2}}.f{number}{{fill:{colour}}}"
        f".b{number}{{fill:{colour};fill-opacity:.2}}"
        for number, colour in enumerate(series)
    )
    return fixed + "".join(each)
