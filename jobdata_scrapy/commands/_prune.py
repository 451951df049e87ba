"""`scrapy warehouse prune`: everything that RETENTION_DAYS names, in the warehouse, the database and the folder of reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.filesize import decimal

from jobdata_scrapy.commands._subcommands import opened, print_table, say
from jobdata_scrapy.config import Config
from jobdata_scrapy.db.anomalies import count_anomalies_before, delete_anomalies_before
from jobdata_scrapy.report.write import list_expired_reports
from jobdata_scrapy.warehouse.client import connect
from jobdata_scrapy.warehouse.local_server.files import ServerFiles
from jobdata_scrapy.warehouse.retention import ELSEWHERE, Expired, measure_expired, prune

COLUMNS = ("what", "kept", "to go", "about", "oldest")


def run_prune(config: Config, *, dry_run: bool, attempts: int) -> None:
    """Tells what is to go; deletes it unless `dry_run`. Raises ConfigError, StorageError."""
    if not any(config.retention_days.values()):
        say("RETENTION_DAYS names nothing: everything is kept for ever")
        return
    now = datetime.now(UTC)
    expired = [
        *_prune_tables(config, now, dry_run, attempts),
        *_prune_anomalies(config, now, dry_run),
        *_prune_reports(config, now, dry_run),
    ]
    print_table(COLUMNS, [_row(one) for one in expired])
    if not any(one.count for one in expired):
        say("nothing is old enough to go")
    elif dry_run:
        say("nothing was deleted yet: that does `scrapy warehouse prune` without --dry-run")
    else:
        say("deleted")


def _prune_tables(config: Config, now: datetime, dry_run: bool, attempts: int) -> list[Expired]:
    if not any(days for name, days in config.retention_days.items() if name not in ELSEWHERE):
        return []
    if not config.clickhouse_host and not ServerFiles(config.jobdata_dir).has_store():
        return []  # there is no store yet
    client = connect(config, attempts=attempts)
    try:
        return measure_expired(client, now) if dry_run else prune(client, now, told=_tell)
    finally:
        client.close()


def _prune_anomalies(config: Config, now: datetime, dry_run: bool) -> list[Expired]:
    days = config.retention_days.get("anomaly_event", 0)
    if not days:
        return []
    before = now - timedelta(days=days)
    with opened(config) as database:
        count, oldest = count_anomalies_before(database, before)
        if not dry_run:
            delete_anomalies_before(database, before)
    return [Expired("anomaly_event", days, count, None, oldest)]


def _prune_reports(config: Config, now: datetime, dry_run: bool) -> list[Expired]:
    days = config.retention_days.get("reports", 0)
    if not days:
        return []
    paths = list_expired_reports(config.jobdata_dir / "reports", now - timedelta(days=days))
    stats = [path.stat() for path in paths]
    if not dry_run:
        for path in paths:
            path.unlink(missing_ok=True)
    oldest = datetime.fromtimestamp(min(one.st_mtime for one in stats), UTC) if stats else None
    return [Expired("reports", days, len(paths), sum(one.st_size for one in stats), oldest)]


def _tell(expired: Expired) -> None:
    if expired.count:
        say(f"deleting {expired.count} rows from {expired.name} ...")


def _row(one: Expired) -> tuple[object, ...]:
    days = f"{one.days} day{'' if one.days == 1 else 's'}"
    return one.name, days, one.count, decimal(one.size) if one.size is not None else None, one.oldest
