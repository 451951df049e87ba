"""Stores pages: look-up of what is known and INSERT of what is not, as one retryable step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import RowsRefused, StorageError, WarehouseUnavailable
from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState, StoredPage
from jobdata_scrapy.warehouse.client import WarehouseClient, describe_error
from jobdata_scrapy.warehouse.encode import FORMAT, compress, encode_block
from jobdata_scrapy.warehouse.known import SEPARATOR, Known
from jobdata_scrapy.warehouse.refused import BlockRefused, Refusal, check_share, explain_row, is_about_data
from jobdata_scrapy.warehouse.rows import (
    DETAIL_ROW,
    Block,
    company_block,
    gone_block,
    insert_token,
    job_block,
    make_writable,
    rejected_block,
    sighting_block,
)
from jobdata_scrapy.warehouse.schema import apply_schema

logger = logging.getLogger(__name__)
RowT = TypeVar("RowT", Job, Company)
NOT_ENOUGH_SPACE = 243
WRITTEN = (RowState.NEW, RowState.CHANGED)


class Writer:
    """Blocking; the tables of a platform are made at its first page.

    What keeps postings single is the look-up, repeated at every retry; the token makes the retry of the same INSERT harmless.
    """

    def __init__(self, client: WarehouseClient) -> None:
        self._client = client
        self._types: dict[str, dict[str, str]] = {}
        self._platforms: set[str] = set()

    def store(self, page: Page) -> StoredPage:
        """Stores one page and sets the state of each posting and company (REPEATED is left alone). Durable when it returns.

        A row that ClickHouse or the driver refuses moves to `page.rejected` with its field and the reason, alone. Raises
        WarehouseUnavailable when the retries are used up or the disk is full, RowsRefused where most of the rows are refused,
        StorageError for what is no row's own fault.
        """
        return self.store_pages([page])[0]

    def store_pages(self, pages: Sequence[Page]) -> list[StoredPage]:
        """Stores several pages of one platform as one unit, with one INSERT a table; like `store` in everything else."""
        if len({page.platform for page in pages}) > 1:
            raise ValueError("pages of one platform only can be stored as one unit")
        if not pages:
            return []
        try:
            self.make_tables(pages[0].platform)
            refused: list[tuple[Page, RejectedRow]] = []  # outlives a retry
            return self._client.run(lambda driver: self._store(driver, pages, refused))
        except DatabaseError as error:
            if error.code == NOT_ENOUGH_SPACE or "No space left on device" in str(error):
                raise WarehouseUnavailable(f"ClickHouse ({self._client.where}): its disk is full") from error
            names = ", ".join(f"{page.platform} {page.page_kind} {page.number}" for page in pages[:3])
            raise StorageError(f"ClickHouse refused the rows of {names}: {describe_error(error)}") from error

    def make_tables(self, platform: str) -> None:
        """The platform's tables, where they are missing. Raises DatabaseError, StorageError."""
        if platform not in self._platforms:
            apply_schema(self._client, [platform])
            self._platforms.add(platform)

    def close(self) -> None:
        """Closes the client. May be called from another thread: a store that waits for its next attempt gives up then."""
        self._client.close()

    def _store(self, driver: Client, pages: Sequence[Page], refused: list[tuple[Page, RejectedRow]]) -> list[StoredPage]:
        for page in pages:
            _refuse_unreadable_ids(page)
        while True:  # again where rows were refused: what they were thought to be counted for the others. Ends, rows get fewer
            known, bad = self._store_rows(driver, pages, refused)
            if not bad:
                break
        # sightings last: what they count must have its job row, also when this process is killed in between
        for block in (rejected_block(pages, refused), gone_block(pages), sighting_block(pages)):
            self._insert_whole(driver, pages, block)
        return [_summarise(page, known) for page in pages]

    def _store_rows(self, driver: Client, pages: Sequence[Page], refused: list[tuple[Page, RejectedRow]]) -> tuple[Known, bool]:
        """Writes the postings and companies that are new or changed; whether rows were refused and moved away."""
        platform = pages[0].platform
        jobs = [(page, job) for page in pages for job in page.jobs if job.state is not RowState.REPEATED]
        # repeated ones, too: where a run ended amid the details of a page, the next one reads the page again
        asked = [job.job_id for page in pages if page.asks_details for job in page.jobs]
        known = Known.look_up(driver, f"{platform}_job", "job_id", [*asked, *(job.job_id for _, job in jobs)])
        new_jobs = [pair for pair in jobs if _decide_job(known, *pair)]
        # a company without an id has no profile to keep; its name stands in the job row
        companies = [(page, company) for page in pages for company in page.companies if company.company_id]
        profiles = Known.look_up(driver, f"{platform}_company", "company_id", (company.company_id for _, company in companies))
        new_companies = [pair for pair in companies if _decide_company(profiles, *pair)]
        bad_jobs = self._insert(driver, pages, lambda rows: job_block(platform, rows), new_jobs)
        bad_companies = self._insert(driver, pages, lambda rows: company_block(platform, rows), new_companies)
        for page, job, refusal in bad_jobs:
            _remove(page.jobs, job)
            page.rejected.append(RejectedRow(refusal.field, refusal.reason, job.job_id, job.raw))
        for page, company, refusal in bad_companies:
            _remove(page.companies, company)
            refused.append((page, RejectedRow(f"company.{refusal.field}", refusal.reason, company.company_id, company.raw)))
        return known, bool(bad_jobs or bad_companies)

    def _insert(
        self,
        driver: Client,
        pages: Sequence[Page],
        make_block: Callable[[Sequence[tuple[Page, RowT]]], Block],
        rows: Sequence[tuple[Page, RowT]],
    ) -> list[tuple[Page, RowT, Refusal]]:
        """Writes the rows; what is refused is found by splitting and returned. Raises StorageError where that is too much."""
        refused: list[tuple[Page, RowT, Refusal]] = []
        parts = [rows] if rows else []
        while parts:
            part = parts.pop()
            block = make_block(part)
            try:
                self._insert_block(driver, _rounds(pages), block)
            except BlockRefused as failed:
                bad = failed.bad or ({0: explain_row(block, failed.error)} if len(part) == 1 else {})
                refused += [(*part[place], refusal) for place, refusal in bad.items()]
                check_share(block.table, [refusal for *_, refusal in refused], len(rows))
                good = [pair for place, pair in enumerate(part) if place not in bad]
                half = len(good) if bad else len(good) // 2
                parts += [rest for rest in (good[half:], good[:half]) if rest]
        if refused:
            first, table = refused[0][-1], block.table
            logger.warning("%d of %d rows of %s were refused, the first for %s", len(refused), len(rows), table, first.field)
        return refused

    def _insert_whole(self, driver: Client, pages: Sequence[Page], block: Block) -> None:
        if len(block):
            try:
                self._insert_block(driver, _rounds(pages), block)
            except BlockRefused as failed:
                error = failed.error
                raise RowsRefused(f"rows of {block.table} cannot be written: {describe_error(error)}") from error

    def _insert_block(self, driver: Client, rounds: str, block: Block) -> None:
        """One INSERT. Raises BlockRefused for what is about its data, else what the driver raises."""
        types = self._types.get(block.table) or self._describe(driver, block.table)
        if unknown := next((name for name in block.columns if name not in types), None):
            raise StorageError(f"the table {block.table} has no column {unknown!r}: run `scrapy warehouse migrate`")
        body = encode_block(block, types)
        token = insert_token(rounds, block.table, body)
        compression, body = compress(driver, body)
        try:
            driver.raw_insert(
                block.table,
                column_names=list(block.columns),
                insert_block=body,
                settings={"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token},
                fmt=FORMAT,
                compression=compression,
            )
        except DatabaseError as error:
            if not is_about_data(error):
                raise
            raise BlockRefused(error, {}) from error

    def _describe(self, driver: Client, table: str) -> dict[str, str]:
        rows = driver.query(f"DESCRIBE TABLE {table}").named_results()
        types = {row["name"]: row["type"] for row in rows}
        self._types[table] = types
        return types


def _rounds(pages: Sequence[Page]) -> str:
    return "+".join(sorted({page.round for page in pages}))


def _refuse_unreadable_ids(page: Page) -> None:
    """An id that is no text cannot even be looked up."""
    if _are_texts([row.job_id for row in page.jobs]) and _are_texts([row.company_id for row in page.companies]):
        return
    for job in list(page.jobs):
        if not _are_texts([job.job_id]):
            _remove(page.jobs, job)
            page.rejected.append(RejectedRow("job_id", "is no text that can be looked up", make_writable(job.job_id), job.raw))
    page.companies = [company for company in page.companies if _are_texts([company.company_id])]


def _are_texts(values: Sequence[object]) -> bool:
    try:
        joined = "".join(values)  # type: ignore[arg-type]
        joined.encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return SEPARATOR not in joined


def _remove(rows: list[RowT], row: RowT) -> None:
    """This very row: others may be equal."""
    rows[:] = [one for one in rows if one is not row]


def _decide_job(known: Known, page: Page, job: Job) -> bool:
    job.state, must_write = known.decide(page, job.job_id, job.content_hash)
    return must_write


def _decide_company(known: Known, page: Page, company: Company) -> bool:
    company.state, must_write = known.decide(page, company.company_id, company.content_hash)
    return must_write


def _summarise(page: Page, known: Known) -> StoredPage:
    states = [job.state for job in page.jobs]
    missing: dict[str, None] = {}
    if page.asks_details:
        lacks = (job for job in page.jobs if job.state in WRITTEN or (job.job_id, DETAIL_ROW) not in known)
        missing = dict.fromkeys(job.job_id for job in lacks)
    return StoredPage(
        new=states.count(RowState.NEW),
        changed=states.count(RowState.CHANGED),
        unchanged=states.count(RowState.UNCHANGED),
        missing_details=tuple(missing),
    )
