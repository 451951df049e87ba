"""The older system: its tables as it made them, and how it writes and reads them."""

from __future__ import annotations

from typing import Any

from jobdata_scrapy.warehouse.client import WarehouseClient

OLDER_JOB = """
CREATE TABLE boss_job
(
    job_id     String,
    company_id String,
    keyword    String,
    city       String,
    job_data   String,
    created_at DateTime DEFAULT now()
)
ENGINE = MergeTree ORDER BY (created_at, job_id)"""
OLDER_COMPANY = """
CREATE TABLE boss_company (company_id String, company_data Nullable(String), note String, crawled_at DateTime DEFAULT now())
ENGINE = MergeTree ORDER BY company_id"""
OLDER_PENDING = """
CREATE TABLE pending_company (company_id String, source String, added DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY company_id"""
OLDER_VIEW = """
CREATE VIEW job_analytics AS
SELECT job_id, JSONExtractString(job_data, 'jobName') AS name, JSONExtractString(job_data, 'salaryDesc') AS salary
FROM boss_job"""

JSON = '{"jobName":"数据分析师","salaryDesc":"15-25K"}'
INSERTS = (
    f"INSERT INTO boss_job (job_id, company_id, keyword, city, job_data) VALUES ('o1', 'c1', '数据分析', '上海', '{JSON}')",
    f"INSERT INTO boss_job VALUES ('o2', 'c1', '数据分析', '上海', '{JSON}', '2025-01-02 03:04:05')",
    'INSERT INTO boss_job FORMAT JSONEachRow {"job_id":"o3","company_id":"c2","job_data":"{}"}',
    'INSERT INTO boss_job FORMAT CSV\n"o4","c3","Java","北京","{}","2025-01-02 03:04:05"\n',
)
SELECTS = (
    "SELECT * EXCEPT created_at FROM boss_job WHERE startsWith(job_id, 'o') ORDER BY job_id",
    "SELECT job_id, job_data FROM boss_job WHERE keyword = '数据分析' AND startsWith(job_id, 'o') ORDER BY job_id",
    "SELECT JSONExtractString(job_data, 'salaryDesc') AS salary, count() FROM boss_job WHERE startsWith(job_id, 'o') "
    "GROUP BY salary ORDER BY salary",
    "SELECT uniqExact(company_id) FROM boss_job WHERE startsWith(job_id, 'o')",
)
COLUMNS = ["job_id", "company_id", "keyword", "city", "job_data"]


def write_as_older_system(client: WarehouseClient, suffix: str = "") -> None:
    """A row in each way the older system may have: with and without column names, as JSON, as CSV, by clickhouse-connect."""
    for sql in INSERTS:
        client.command(sql.replace("'o", f"'o{suffix}").replace('"o', f'"o{suffix}'))
    row: list[Any] = [f"o{suffix}5", "c4", "Java", "北京", JSON]
    client.run(lambda driver: driver.insert("boss_job", [row], column_names=COLUMNS))
    client.run(
        lambda driver: driver.insert("boss_company", [["c1", "{}", "n"]], column_names=["company_id", "company_data", "note"])
    )


def read_as_older_system(client: WarehouseClient) -> list[list[tuple[Any, ...]]]:
    """The answers to its questions."""
    return [list(client.query(sql).result_rows) for sql in SELECTS]
