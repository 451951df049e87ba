"""Puts a report on disk, and finds it again."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path

from jobdata_scrapy.exceptions import JobDataError
from jobdata_scrapy.report.build import SCHEMA_VERSION, Report
from jobdata_scrapy.report.html import render_html

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class ReportError(JobDataError):
    """A report cannot be read. Raised by `read_report`."""


def write_report(report: Report, folder: Path | str) -> tuple[Path, Path]:
    """Writes `<folder>/<run_id>.json` and `.html`, each atomically, the JSON last; makes the folder. Returns both paths.

    Raises ValueError for a run id that is no file name, OSError where the folder cannot be written.
    """
    run_id = report["run"]["run_id"]
    if not _SAFE_NAME.fullmatch(run_id):
        raise ValueError(f"run_id {run_id!r} is not usable as a file name: letters, digits, '_', '-' and '.' are allowed")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    html_path, json_path = folder / f"{run_id}.html", folder / f"{run_id}.json"
    replace_file(html_path, render_html(report))
    replace_file(json_path, dump_report(report))
    return json_path, html_path


def dump_report(report: Report) -> str:
    """The report as JSON text, Chinese characters as they are."""
    return json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def replace_file(path: Path, text: str) -> None:
    """Writes `text` so that a reader sees the old file or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def list_reports(folder: Path | str) -> list[Path]:
    """The JSON reports of a folder, the newest first; empty where there is no folder yet."""
    paths = [path for path in Path(folder).glob("*.json") if not path.name.startswith(".")]
    return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def list_expired_reports(folder: Path | str, before: datetime) -> list[Path]:
    """Reports (JSON and HTML) last written before `before`; never the newest run's, which `scrapy report` shows."""
    newest = {path.stem for path in list_reports(folder)[:1]}
    paths = [path for kind in ("*.json", "*.html") for path in Path(folder).glob(kind) if not path.name.startswith(".")]
    return sorted(path for path in paths if path.stem not in newest and path.stat().st_mtime < before.timestamp())


def read_report(path: Path) -> Report:
    """Reads a report that `write_report` wrote. Raises ReportError where it is damaged or of a newer schema."""
    try:
        report = json.loads(path.read_text("utf-8"))
        schema = report["schema"]
    except (ValueError, KeyError, TypeError):
        raise ReportError(f"report {path.name}: not a JobData report, or damaged") from None
    if schema != SCHEMA_VERSION:
        raise ReportError(f"report {path.name}: schema {schema!r}, this version reads schema {SCHEMA_VERSION}")
    return dict(report)
