"""Queries about anomaly events: what the detector saw, for the operator."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields
from datetime import datetime

import orjson
import peewee as pw

from jobdata_scrapy.db.fields import check_row
from jobdata_scrapy.db.pool_models import Anomaly
from jobdata_scrapy.db.transaction import reading, writing
from jobdata_scrapy.leases import AnomalyEvent


@writing
def record_anomaly(database: pw.Database, event: AnomalyEvent) -> None:
    """Keeps an event; told twice it stands once."""
    row = asdict(event)
    digest = hashlib.blake2b(orjson.dumps(row, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
    row |= {"id": digest, "reason": event.reason[: Anomaly.reason.max_length]}
    check_row(Anomaly, row)
    Anomaly.insert(row).on_conflict_ignore().execute(database)


@reading
def list_anomalies(database: pw.Database, platform: str = "", limit: int = 50) -> list[AnomalyEvent]:
    """The newest events (of one site) first."""
    query = Anomaly.select().where(Anomaly.platform == platform) if platform else Anomaly.select()
    rows = query.order_by(Anomaly.at.desc(), Anomaly.id).limit(limit).execute(database)
    return [AnomalyEvent(**{field.name: getattr(row, field.name) for field in fields(AnomalyEvent)}) for row in rows]


@reading
def count_anomalies_before(database: pw.Database, before: datetime) -> tuple[int, datetime | None]:
    """How many events are older than `before`, and when the oldest was."""
    query = Anomaly.select(pw.fn.COUNT(Anomaly.id), pw.fn.MIN(Anomaly.at)).where(Anomaly.at < before).tuples()
    ((count, oldest),) = query.execute(database)
    return count, oldest


@writing
def delete_anomalies_before(database: pw.Database, before: datetime) -> int:
    """Forgets the events that are older than `before`; how many there were."""
    return int(Anomaly.delete().where(Anomaly.at < before).execute(database))
