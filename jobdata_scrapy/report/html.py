"""The HTML page of a report: one file, nothing fetched from anywhere. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from jobdata_scrapy.report import labels
from jobdata_scrapy.report.build import Report
from jobdata_scrapy.report.charts import draw_salaries, draw_top

_CHINA = timezone(timedelta(hours=8))  # the sites' own time


def render_html(report: Report) -> str:
    """The page for a report as `build_report` makes it. Everything from the report is escaped."""
    return _load_template().render(
        report=report,
        labels=labels,
        salary_svg=_draw(draw_salaries, report["salary"]) if _count_banded(report) else "",
        skills_svg=_draw(draw_top, report["skills"], "skills") if report["skills"] else "",
    )


def format_duration(seconds: float | None) -> str:
    """ "1 h 02 min", "3 min 05 s", "4.2 s"; a dash where it is not known."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min {rest:02} s"


def format_bytes(count: int) -> str:
    """ "512 B", "3.4 kB", "12.0 MB"."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def format_number(value: float | None) -> str:
    """An integer with thousands separators; a dash for what is not known."""
    return "–" if value is None else f"{value:,.0f}"


def format_latency(seconds: float | None) -> str:
    """Milliseconds below one second."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def format_time(iso: str | None) -> str:
    """A time of the report in the sites' own time zone."""
    return f"{datetime.fromisoformat(iso).astimezone(_CHINA):%Y-%m-%d %H:%M:%S} (UTC+8)" if iso else "–"


def _draw(draw: Any, *arguments: Any) -> Markup:
    return Markup(draw(*arguments))  # noqa: S704 - pygal builds an element tree, which escapes every text


def _count_banded(report: Report) -> int:
    return sum(band["count"] for band in report["salary"]["bands"])


@lru_cache(maxsize=1)
def _load_template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "number": format_number,
        "duration": format_duration,
        "bytes": format_bytes,
        "latency": format_latency,
        "time": format_time,
    }
    return environment.from_string(files(__package__).joinpath("report.html").read_text("utf-8"))
