"""The wire format of a spool file: one page, compressed, behind a header that tells whether all of it is there.

    magic "JDSPOOL\\n" (8 bytes) | version (uint16) | length of the payload (uint64) | BLAKE2b-256 of version, length and payload
    | payload: zlib-compressed JSON of the page

Integers are big-endian. What is cut short, longer, or changed in a single bit is told from a whole file.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from jobdata_scrapy.exceptions import DamagedFile, StorageError
from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState
from jobdata_scrapy.platform import PageKind

MAGIC = b"JDSPOOL\n"
VERSION = 1  # files outlive an upgrade: fields of Page, Job, ... that change need another number, and a reader of the old one
HEADER = struct.Struct(">8sHQ32s")
COMPRESSION = 1  # zlib's fastest: a page shrinks to an eighth all the same
NOT_KEPT = {
    Page: {"jobs", "companies", "rejected", "plan", "stored", "outcome"},
    Job: {"ticket", "monthly_hint"},  # bound to a session; used up by the normalisers
    Company: set[str](),
    RejectedRow: set[str](),
}


def page_unit(page: Page) -> str:
    """What tells an answer of a site from every other: the same page handed in again has its unit, one read again has not."""
    origin = (page.platform, page.round, page.page_kind, page.number, page.run_id, page.fetched_at.isoformat())
    rows = [*(job.job_id for job in page.jobs), *(company.company_id for company in page.companies), *page.gone]
    return hashlib.blake2b(json.dumps([*origin, *rows]).encode(), digest_size=16).hexdigest()


def count_waiting(page: Page) -> int:
    """Postings of a list page that are still to be written: repeats are counted and left alone."""
    return len(page.jobs) - page.repeated if page.page_kind == PageKind.SEARCH else 0


def encode_page(page: Page) -> bytes:
    """The whole file. Raises StorageError for a page that JSON cannot hold."""
    try:
        text = json.dumps(_page_values(page), default=_plain, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise StorageError(f"page {page.number} of {page.keyword!r} cannot be kept on disk: {error}") from None
    payload = zlib.compress(text.encode(), COMPRESSION)
    return HEADER.pack(MAGIC, VERSION, len(payload), _checksum(VERSION, payload)) + payload


def decode_page(data: bytes) -> Page:
    """The page of a whole file. Raises DamagedFile, saying what is wrong with it."""
    if len(data) < HEADER.size:
        raise DamagedFile(f"is cut short: {len(data)} bytes, {HEADER.size} is the least")
    magic, version, length, checksum = HEADER.unpack_from(data)
    payload = data[HEADER.size :]
    if magic != MAGIC:
        raise DamagedFile("does not begin as a spool file does")
    if len(payload) != length:
        kind = "is cut short" if len(payload) < length else "is too long"
        raise DamagedFile(f"{kind}: {len(payload)} of {length} bytes")
    if checksum != _checksum(version, payload):
        raise DamagedFile("has another checksum than it was written with")
    if version != VERSION:  # whole, but of another time
        raise DamagedFile(f"is of version {version}, this program reads version {VERSION}")
    try:
        return _read_page(json.loads(zlib.decompress(payload)))
    except (TypeError, KeyError, ValueError) as error:  # whole, but written by a program whose records had other fields
        raise DamagedFile(f"has other fields than this program reads: {error}") from error


def _checksum(version: int, payload: bytes) -> bytes:
    return hashlib.blake2b(struct.pack(">HQ", version, len(payload)) + payload, digest_size=32).digest()


def _page_values(page: Page) -> dict[str, Any]:
    lists: dict[str, Iterable[Job | Company | RejectedRow]] = {
        "jobs": page.jobs,
        "companies": page.companies,
        "rejected": page.rejected,
    }
    return _values(page) | {name: [_values(row) for row in rows] for name, rows in lists.items()}


def _values(record: Page | Job | Company | RejectedRow) -> dict[str, Any]:
    left_out = NOT_KEPT[type(record)]
    return {field.name: getattr(record, field.name) for field in fields(record) if field.name not in left_out}


def _read_page(values: dict[str, Any]) -> Page:
    jobs = [_read_job(row) for row in values.pop("jobs")]
    companies = [Company(**row | {"state": _state(row["state"])}) for row in values.pop("companies")]
    rejected = [RejectedRow(**row) for row in values.pop("rejected")]
    fetched_at = datetime.fromisoformat(values.pop("fetched_at"))
    return Page(**values, fetched_at=fetched_at, jobs=jobs, companies=companies, rejected=rejected)


def _read_job(row: dict[str, Any]) -> Job:
    published = row["published_at"]
    at = datetime.fromisoformat(published) if isinstance(published, str) else published
    return Job(**row | {"published_at": at, "state": _state(row["state"])})


def _state(name: str | None) -> RowState | None:
    return None if name is None else RowState(name)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__} is no JSON")
