"""Postings and answers as files (docs/export.md): `write_export(client, [select_jobs(client, filters)], path, format)`.

A million rows pass through in constant memory: ClickHouse makes the format, or sends the rows that a workbook is written from.
"""

from jobdata_scrapy.warehouse.export.formats import FORMATS, Format, pick_format
from jobdata_scrapy.warehouse.export.selection import Selection, select_answer, select_jobs
from jobdata_scrapy.warehouse.export.target import check_target
from jobdata_scrapy.warehouse.export.write import Exported, Progress, write_export

__all__ = [
    "FORMATS",
    "Exported",
    "Format",
    "Progress",
    "Selection",
    "check_target",
    "pick_format",
    "select_answer",
    "select_jobs",
    "write_export",
]
