"""Draws bench/results/load.json: every figure that is compared with nginx, as a dot with its 90 % interval. Pure but
for save(). One picture for ratios, one for differences of latency; each benchmark is a row for each target."""

import html
import json
import math
import os

COLOURS = {"haproxy": "#7a5195", "envoy": "#bc5090", "baton": "#3b7dd8", "baton-on": "#0b3d91", "baton-sim": "#3b7dd8"}
ROW, LEFT, WIDTH, RIGHT, TOP = 17, 300, 460, 130, 34


def rows_of(sections, kind):
    """[(title, [(target, summary)])] of what is compared with nginx in this way, in the order of the sections."""
    found = []
    for section in sections:
        for column in section["columns"]:
            if column.get("kind") != kind or not str(column.get("against", "")).startswith("nginx"):
                continue
            rows = [(target, figures[column["heading"]]) for target, figures in section["figures"].items()
                    if column["heading"] in figures]
            if rows:
                what = column["heading"].removesuffix(" against nginx µs") + ", " if kind == "difference" else ""
                found.append((what + section["name"], rows))
    return found


def scale_of(rows, kind):
    """(position of a value from 0 to 1, ticks with their texts): logarithmic for ratios, linear for differences."""
    ends = [edge for _, lines in rows for _, figure in lines for edge in (figure["low"], figure["high"])]
    if kind == "ratio":
        low, high = min([0.5, *ends]), max([2.0, *ends])
        at = lambda value: (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        ticks = [value for value in (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 50) if low <= value <= high]
        return at, [(value, f"{value:g}x") for value in ticks]
    low, high = min([-20, *ends]), max([20, *ends])
    step = 10 ** math.floor(math.log10(high - low)) / 2
    ticks = [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return lambda value: (value - low) / (high - low), [(value, f"{value:+g}") for value in ticks]


def draw(sections, kind, heading):
    """The text of an SVG, or None where nothing is compared so."""
    rows = rows_of(sections, kind)
    if not rows:
        return None
    at, ticks = scale_of(rows, kind)
    height = TOP + sum(ROW * (len(lines) + 0.6) for _, lines in rows) + 24
    x = lambda value: LEFT + WIDTH * min(max(at(value), 0), 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + RIGHT} {height:.0f}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="8" y="16" font-size="13" font-weight="bold">{html.escape(heading)}</text>']
    for value, text in ticks:
        same = value == (1 if kind == "ratio" else 0)
        out.append(f'<line x1="{x(value):.1f}" y1="{TOP - 6}" x2="{x(value):.1f}" y2="{height - 20:.0f}" '
                   f'stroke="{"#333" if same else "#ddd"}"/>')
        out.append(f'<text x="{x(value):.1f}" y="{height - 7:.0f}" text-anchor="middle" fill="#555">{text}</text>')
    y = TOP
    for title, lines in rows:
        out.append(f'<text x="8" y="{y + 12:.0f}" font-weight="bold">{html.escape(title)}</text>')
        for target, figure in lines:
            colour = COLOURS.get(target, "#666")
            middle = y + 8
            text = f"{figure['median']:.2f}x" if kind == "ratio" else f"{figure['median']:+.0f} µs"
            out += [f'<text x="{LEFT - 10}" y="{middle + 4:.0f}" text-anchor="end" fill="{colour}">{html.escape(target)}'
                    '</text>',
                    f'<line x1="{x(figure["low"]):.1f}" y1="{middle:.0f}" x2="{x(figure["high"]):.1f}" y2="{middle:.0f}" '
                    f'stroke="{colour}" stroke-width="3" stroke-opacity="0.45"/>',
                    f'<circle cx="{x(figure["median"]):.1f}" cy="{middle:.0f}" r="4" fill="{colour}"/>',
                    f'<text x="{LEFT + WIDTH + 10}" y="{middle + 4:.0f}" fill="{colour}">{text}</text>']
            y += ROW
        y += ROW * 0.6
    return "\n".join([*out, "</svg>", ""])


def save(directory):
    with open(os.path.join(directory, "load.json"), encoding="utf-8") as file:
        sections = json.load(file)["sections"]
    for name, kind, heading in (("load.svg", "ratio", "CPU and memory as multiples of nginx's (less is better)"),
                                ("latency.svg", "difference", "Latency against nginx's, µs (less is better)")):
        picture = draw(sections, kind, heading)
        if picture:
            with open(os.path.join(directory, name), "w", encoding="utf-8") as out:
                out.write(picture)
