"""The two pictures of a report, as SVG to be put inside an HTML page: no script, no outside font, no comment. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]
from rich.cells import cell_len, set_cell_size

# pygal leaves a finder for its map plug-ins that has no find_spec: Python 3.11 warns about it at every later import
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

FONTS = "-apple-system, 'PingFang SC', 'Hiragino Sans GB', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
_FONT_SIZE = 14
_MARGIN = 8
_LABEL_CELLS = 18  # a Chinese character takes two
_UNWANTED = {"script", "desc", "title"}  # pygal's own; they serve its tooltip script only
_CSS = ["file://style.css", "file://graph.css"]
_VALUES_BESIDE_BARS = "inline:#chart-{name} .text-overlay text.value{{text-anchor:start}}"
_NO_AXIS_LINES = "inline:#chart-{name} .axis path{{display:none}}"


def draw_salaries(salary: Mapping[str, Any]) -> str:
    """The salary histogram of a report's `salary`, one bar a band; labels turned by more than 180 degrees end below their bar."""
    bands = salary["bands"]
    counts = [band["count"] for band in bands]
    chart = _make_chart(pygal.Bar, "salary", counts, height=330, css=[_NO_AXIS_LINES], show_y_labels=False, x_label_rotation=320)
    chart.x_labels = [name_band(band["low"], band["high"]) for band in bands]
    chart.add("", [count or None for count in counts])
    return _render(chart)


def draw_top(entries: Sequence[Mapping[str, Any]], name: str) -> str:
    """The most frequent names of a report's `skills` or `companies`, the first on top. `name` is the picture's id in the page."""
    shown = list(reversed(entries))
    labels = [_shorten(str(entry["name"])) for entry in shown]
    counts = [entry["count"] for entry in shown]
    chart = _make_chart(
        pygal.HorizontalBar,
        name,
        counts,
        height=2 * _MARGIN + 27 * len(entries),
        css=[_VALUES_BESIDE_BARS, _NO_AXIS_LINES],
        show_x_labels=False,
        truncate_label=-1,
        margin_left=_MARGIN + _extra_width(labels),
    )
    chart.x_labels = labels
    chart.add("", counts)
    return _render(chart)


def name_band(low: int, high: int | None) -> str:
    """A salary band in thousands of CNY: "10-15K", "80K+"."""
    return f"{low / 1000:g}K+" if high is None else f"{low / 1000:g}-{high / 1000:g}K"


def _make_chart(kind: type, name: str, counts: Sequence[int], *, css: Sequence[str], **options: Any) -> Any:
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="#40484f",
        foreground_strong="#1c2126",
        foreground_subtle="#d5dbe0",
        colors=("#2f6f9f",),
        value_colors=("#1c2126",),
        opacity="1",
        font_family=FONTS,
        label_font_size=_FONT_SIZE,
        major_label_font_size=_FONT_SIZE,
        value_font_size=_FONT_SIZE,
        transition="0s",
    )
    styles = [*_CSS, *(rule.format(name=name) for rule in css)]
    fixed = {"js": [], "css": styles, "width": 480, "margin": _MARGIN, "disable_xml_declaration": True, "show_legend": False}
    values = {"print_values": True, "print_values_position": "top", "formatter": _format_count}
    guides = {"show_x_guides": False, "show_y_guides": False, "range": (0, max([1, *counts]) * 1.12)}  # room for the number
    chart = kind(style=style, **fixed, **values, **guides, **options)
    chart.uuid = name
    chart.add_xml_filter(_strip)
    return chart


def _render(chart: Any) -> str:
    return str(chart.render(is_unicode=True))


def _strip(root: Any) -> Any:
    """Removes scripts and comments. pygal writes its settings as a script even when it is given none."""
    for node in list(root.iter()):
        for child in list(node):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in _UNWANTED:
                node.remove(child)
    return root


def _format_count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _shorten(name: str) -> str:
    return name if cell_len(name) <= _LABEL_CELLS else set_cell_size(name, _LABEL_CELLS - 1).rstrip() + "…"


def _extra_width(labels: Sequence[str]) -> int:
    """Pixels that pygal leaves out: it takes every character for 0.6 of the font size, a Chinese one is as wide as high."""
    reserved = max((len(label) for label in labels), default=0) * 0.6
    needed = max((cell_len(label) for label in labels), default=0) * 0.55
    return round(max(needed - reserved, 0) * _FONT_SIZE)
