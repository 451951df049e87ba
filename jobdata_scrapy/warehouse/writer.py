"""Stores pages: look-up of what is known and INSERT of what is not, as one retryable step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, DataError

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.items import Company, Job, Page, RowState, StoredPage
from jobdata_scrapy.platform import PageKind
from jobdata_scrapy.warehouse.client import WarehouseClient, describe_error
from jobdata_scrapy.warehouse.known import Known
from jobdata_scrapy.warehouse.rows import (
    DETAIL_ROW,
    LIST_ROW,
    Block,
    company_block,
    insert_token,
    job_block,
    rejected_block,
    sighting_block,
)
from jobdata_scrapy.warehouse.schema import apply_schema

WRITTEN = (RowState.NEW, RowState.CHANGED)
COUNT_SIGHTINGS_SQL = """
WITH seen AS (SELECT DISTINCT round, job_id FROM job_sighting WHERE platform = %(platform)s AND round IN %(rounds)s)
SELECT round, count() FROM seen
WHERE job_id IN (SELECT job_id FROM {table} WHERE page_kind = '{kind}' AND job_id IN (SELECT job_id FROM seen)) GROUP BY round"""

SIGHTED_IDS_SQL = """
SELECT DISTINCT job_id FROM job_sighting
WHERE platform = {platform:String} AND round = {round:String} AND page < {before_page:UInt32}"""


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

        Raises WarehouseUnavailable when the retries are used up, StorageError for rows that ClickHouse refuses.
        """
        return self.store_pages([page])[0]

    def store_pages(self, pages: Sequence[Page]) -> list[StoredPage]:
        """Stores several pages of one platform as one unit, with one INSERT a table; like `store` in everything else."""
        if len({page.platform for page in pages}) > 1:
            raise ValueError("pages of one platform only can be stored as one unit")
        if not pages:
            return []
        try:
            self._make_tables(pages[0].platform)
            return self._client.run(lambda driver: self._store(driver, pages))
        except DatabaseError as error:
            names = ", ".join(f"{page.platform} {page.page_kind} {page.number}" for page in pages[:3])
            raise StorageError(f"ClickHouse refused the rows of {names}: {describe_error(error)}") from error

    def count_sightings(self, platform: str, round: str) -> int:
        """Distinct postings seen in the round that have their list row."""
        return self.count_rounds(platform, [round])[0]

    def count_rounds(self, platform: str, rounds: Sequence[str]) -> list[int]:
        """`count_sightings` of several rounds in one query, in their order."""
        sql = COUNT_SIGHTINGS_SQL.format(table=f"{platform}_job", kind=LIST_ROW)
        self._make_tables(platform)
        counts = dict(self._client.query(sql, parameters={"platform": platform, "rounds": tuple(rounds)}).result_rows)
        return [int(counts.get(round, 0)) for round in rounds]

    def sighted_ids(self, platform: str, round: str, before_page: int) -> frozenset[str]:
        """Postings that the round saw on list pages before `before_page`."""
        parameters = {"platform": platform, "round": round, "before_page": before_page}
        return frozenset(row[0] for row in self._client.query(SIGHTED_IDS_SQL, parameters=parameters).result_rows)

    def close(self) -> None:
        """Closes the client. May be called from another thread: a store that waits for its next attempt gives up then."""
        self._client.close()

    def _make_tables(self, platform: str) -> None:
        if platform not in self._platforms:
            apply_schema(self._client, [platform])
            self._platforms.add(platform)

    def _store(self, driver: Client, pages: Sequence[Page]) -> list[StoredPage]:
        platform = pages[0].platform
        jobs = [(page, job) for page in pages for job in page.jobs if job.state is not RowState.REPEATED]
        known = Known.look_up(driver, f"{platform}_job", "job_id", (job.job_id for _, job in jobs))
        new_jobs = [pair for pair in jobs if _decide_job(known, *pair)]
        # a company without an id has no profile to keep; its name stands in the job row
        companies = [(page, company) for page in pages for company in page.companies if company.company_id]
        profiles = Known.look_up(driver, f"{platform}_company", "company_id", (company.company_id for _, company in companies))
        new_companies = [pair for pair in companies if _decide_company(profiles, *pair)]
        # sightings last: what they count must have its job row, also when this process is killed in between
        blocks = [
            job_block(platform, new_jobs),
            company_block(platform, new_companies),
            rejected_block(pages),
            sighting_block(pages),
        ]
        token_round = "+".join(sorted({page.round for page in pages}))
        for block in blocks:
            if len(block):
                self._insert(driver, block, insert_token(token_round, block.table, block.columns))
        return [_summarise(page, known) for page in pages]

    def _insert(self, driver: Client, block: Block, token: str) -> None:
        types = self._types.get(block.table) or self._describe(driver, block.table)
        context = driver.create_insert_context(
            block.table,
            column_names=list(block.columns),
            column_type_names=[types[name] for name in block.columns],
            column_oriented=True,
            data=list(block.columns.values()),
            settings={"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token},
        )
        try:
            driver.insert(context=context)
        except Exception as raised:  # whatever a value of the wrong type makes the driver raise
            error = context.insert_exception or raised
            if isinstance(error, DatabaseError) and not isinstance(error, DataError):
                raise
            raise StorageError(f"a row of {block.table} cannot be written: {describe_error(error)}") from error

    def _describe(self, driver: Client, table: str) -> dict[str, str]:
        types: dict[str, Any] = {row["name"]: row["type"] for row in driver.query(f"DESCRIBE TABLE {table}").named_results()}
        self._types[table] = types
        return types


def _decide_job(known: Known, page: Page, job: Job) -> bool:
    job.state, must_write = known.decide(page, job.job_id, job.content_hash)
    return must_write


def _decide_company(known: Known, page: Page, company: Company) -> bool:
    company.state, must_write = known.decide(page, company.company_id, company.content_hash)
    return must_write


def _summarise(page: Page, known: Known) -> StoredPage:
    states = [job.state for job in page.jobs]
    missing: dict[str, None] = {}
    if page.page_kind == PageKind.SEARCH:
        good = (job for job in page.jobs if job.state is not RowState.REPEATED)
        missing = dict.fromkeys(job.job_id for job in good if job.state in WRITTEN or (job.job_id, DETAIL_ROW) not in known)
    return StoredPage(
        new=states.count(RowState.NEW),
        changed=states.count(RowState.CHANGED),
        unchanged=states.count(RowState.UNCHANGED),
        missing_details=tuple(missing),
    )
