"""Pictures as SVG, written by hand: bars of ratios, and curves on logarithmic scales.  They are readable on light and dark pages.

In: numbers with names.  Out: the text of an SVG file.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.small { font-size: 10px } .title { font-size: 14px; font-weight: 600 } .end { text-anchor: end } .middle { text-anchor: middle }
.a { fill: #0969da } .b { fill: #54aeff } .c { fill: #8c959f } .grid { stroke: #d0d7de } .one { stroke: #cf222e; stroke-dasharray: 4 3 }
.aim { stroke: #1a7f37; stroke-dasharray: 2 3 } .line { fill: none; stroke-width: 2 } .la { stroke: #0969da } .lc { stroke: #8c959f }
.ideal { fill: none; stroke: #1a7f37; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .a { fill: #4493f8 } .b { fill: #1f6feb } .c { fill: #9198a1 } .grid { stroke: #3d444d } .one { stroke: #f85149 }
.aim, .ideal { stroke: #3fb950 } .la { stroke: #4493f8 } .lc { stroke: #9198a1 } }
</style>"""


@dataclass
class Bar:
    """One line of a picture of ratios: its name, and CPU and memory, each for one or two of our evaluators (None: not measured)."""

    name: str
    cpu: Sequence[float | None]
    peak: Sequence[float | None]


def _open(width: float, height: float, title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img"><title>{escape(title)}</title>',
        STYLE,
    ]


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bars(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], series: Sequence[str], aims: tuple[float, float]) -> str:
    """Two columns of horizontal bars, CPU and memory as parts of the reference's, grouped; the reference is the line at 1."""
    longest = max((len(bar.name) for _, group in groups for bar in group), default=0)
    label, column, gap, step = max(130.0, 8.0 * longest), 290.0, 34.0, 18.0
    count = sum(len(group) for _, group in groups)
    height = 76 + count * step + len(groups) * 24 + 16
    most = max((v for _, group in groups for bar in group for v in (*bar.cpu, *bar.peak) if v is not None), default=1.0)
    scale = column / max(1.15, min(most * 1.12, 2.5))
    out = _open(label + 2 * column + gap + 20, height, title)
    out.append(_text(0, 16, title, "title"))
    x = 0.0
    for kind, name in zip("ab", series, strict=False):
        out.append(f'<rect x="{x:.1f}" y="27" width="10" height="10" class="{kind}"/>')
        out.append(_text(x + 15, 36, name))
        x += 30 + 7 * len(name)
    starts = (label, label + column + gap)
    for start, name, aim in zip(starts, ("CPU time", "peak memory"), aims, strict=True):
        out.append(_text(start, 58, name, "title"))
        for value, kind in ((aim, "aim"), (1.0, "one")):
            out.append(_line(start + value * scale, 64, start + value * scale, height - 16, kind))
            out.append(_text(start + value * scale, height - 4, "aim" if kind == "aim" else "C++ Nix", "small middle"))
    y = 66.0
    for group_name, group in groups:
        y += 18
        out.append(_text(0, y, group_name, "title"))
        y += 6
        for bar in group:
            out.append(_text(label - 8, y + 12, bar.name, "end"))
            for start, values in zip(starts, (bar.cpu, bar.peak), strict=True):
                out += _bar(start, y, step, values, scale, column)
            y += step
    return "\n".join([*out, "</svg>"]) + "\n"


def _bar(start: float, y: float, step: float, values: Sequence[float | None], scale: float, column: float) -> list[str]:
    out = []
    known = [value for value in values if value is not None]
    thickness = (step - 5) / max(len(values), 1)
    for number, value in enumerate(values):
        if value is not None:
            top = y + 2 + number * thickness
            width = min(value * scale, column)
            out.append(f'<rect x="{start:.1f}" y="{top:.1f}" width="{width:.1f}" height="{thickness:.1f}" class="{"ab"[number]}"/>')
    if known:
        right = start + min(max(known) * scale, column - 26) + 4
        out.append(_text(right, y + 12, " / ".join(f"{value:.2f}" for value in known), "small"))
    return out


@dataclass
class Curve:
    """Costs at growing n, as a class of line: "la" ours, "lc" another's."""

    name: str
    kind: str
    points: Sequence[tuple[float, float]]


def curves(title: str, panels: Sequence[tuple[str, Sequence[Curve]]], unit: str) -> str:
    """Small panels with logarithmic axes; the dashed line through our first point is a cost that grows as n does."""
    columns, width, height, margin = 4, 210.0, 170.0, 46.0
    rows = (len(panels) + columns - 1) // columns
    out = _open(columns * width + 10, rows * height + 50, title)
    out.append(_text(0, 16, title, "title"))
    out.append(_text(0, 34, f"{unit} at n, 10 n, 100 n: Snowsnake blue, the reference grey; dashed: linear.", "small"))
    for number, (name, lines) in enumerate(panels):
        left, top = (number % columns) * width + margin, 50 + (number // columns) * height
        out += _panel(name, lines, left, top, width - margin - 8, height - 52)
    return "\n".join([*out, "</svg>"]) + "\n"


def _panel(name: str, lines: Sequence[Curve], left: float, top: float, width: float, height: float) -> list[str]:
    points = [(x, y) for line in lines for x, y in line.points if y > 0]
    out = [_text(left, top + 2, name, "title")]
    if not points:
        return out
    x0, x1 = (pick(math.log10(x) for x, _ in points) for pick in (min, max))
    y0, y1 = math.floor(min(math.log10(y) for _, y in points)), math.ceil(max(math.log10(y) for _, y in points))
    top, bottom = top + 10, top + 10 + height
    sx, sy = width / max(x1 - x0, 1e-9), height / max(y1 - y0, 1)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (math.log10(x) - x0) * sx, bottom - (math.log10(max(y, 10.0**y0)) - y0) * sy

    for power in range(y0, y1 + 1):
        y = bottom - (power - y0) * sy
        out.append(_line(left, y, left + width, y, "grid"))
        out.append(_text(left - 4, y + 3, _power(power), "small end"))
    for x in sorted({x for x, _ in points}):
        out.append(_text(place(x, 10.0**y0)[0], bottom + 12, _power(math.log10(x)), "small middle"))
    for line in lines:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line.points))
        out.append(f'<polyline points="{path}" class="line {line.kind}"/>')
        if line.kind == "la" and len(line.points) > 1:
            (first, cost), last = line.points[0], line.points[-1][0]
            ideal = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(first, cost), place(last, cost * last / first)))
            out.append(f'<polyline points="{ideal}" class="ideal"/>')
    return out


def _power(power: float) -> str:
    value = 10.0**power
    if 0.01 <= value < 1000:
        return f"{value:.3g}"
    digits = f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return digits
