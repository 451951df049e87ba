"""Brings the analytics up to date with the base tables; the cost follows what came in since.

A refresh stages the images of the postings that may have changed, commits the differences to the journal `job_change` (one
INSERT, one part: the commit point), then applies that batch to `job_latest` and `job_cube`. Batches are numbered and the number
is the INSERT's deduplication token, so that of two processes one commits and the other begins again; applying is deterministic
and has the same token, so that anybody finishes what a killed process has begun.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from weakref import WeakKeyDictionary

from clickhouse_connect.driver.exceptions import DatabaseError

from jobdata_scrapy.exceptions import StorageError
from jobdata_scrapy.normalize.published import BEIJING
from jobdata_scrapy.warehouse.analytics.images import RULES
from jobdata_scrapy.warehouse.analytics.journal import Checkpoint, apply_batch, begin_generation, commit_batch
from jobdata_scrapy.warehouse.analytics.staging import stage_before, stage_images
from jobdata_scrapy.warehouse.analytics.state import (
    OVERLAP,
    Probe,
    State,
    count_rows,
    list_platforms,
    read_states,
)
from jobdata_scrapy.warehouse.analytics.tidy import ATTEMPT_BITS, drop_leftovers
from jobdata_scrapy.warehouse.analytics.touched import count_touched, stage_touched
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.rows import to_milliseconds
from jobdata_scrapy.warehouse.schema import apply_schema

logger = logging.getLogger(__name__)
ROWS_A_BATCH = 250_000
ATTEMPTS = 8
UNKNOWN_TABLE = 60
_up_to_date: WeakKeyDictionary[WarehouseClient, tuple[State, list[str]]] = WeakKeyDictionary()


class RefreshLost(StorageError):
    """Another process has committed the batch that this one prepared. Handled in `refresh`."""


def refresh(
    client: WarehouseClient,
    *,
    rebuild: bool = False,
    checkpoint: Checkpoint = lambda step: None,
    rows_a_batch: int = ROWS_A_BATCH,
) -> tuple[State, datetime]:
    """Reads what came in. The state that questions may be answered from, and the moment up to which rows are counted.

    rebuild: everything anew, beside what is there. Raises WarehouseUnavailable, and StorageError when others commit all the time.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _refresh_once(client, rebuild and not attempt, checkpoint, rows_a_batch)
        except RefreshLost:
            time.sleep(0.2 * attempt)
        except DatabaseError as error:
            if error.code != UNKNOWN_TABLE or attempt:
                raise
            apply_schema(client)
    raise StorageError(f"analytics: other processes refreshed {ATTEMPTS} times in between; try again")


def _refresh_once(client: WarehouseClient, rebuild: bool, checkpoint: Checkpoint, rows_a_batch: int) -> tuple[State, datetime]:
    state, platforms = _up_to_date.pop(client, (None, []))
    if state and not rebuild:  # most often nothing has come in since, and one statement tells
        probe = count_rows(client, platforms, state.read_until)
        if probe.last == (state.generation, state.batch) and not _is_behind(state, probe):
            _up_to_date[client] = state, platforms
            return state, probe.now
    state = _open_generation(client, rebuild)
    platforms = list_platforms(client)
    probe = count_rows(client, platforms, state.read_until)
    if _is_behind(state, probe):
        state = _read_on(client, state, platforms, probe, checkpoint, rows_a_batch)
    _up_to_date[client] = state, platforms
    return state, probe.now


def _is_behind(state: State, probe: Probe) -> bool:
    """Whether there is something to read: rows, or a day on which postings may have closed."""
    return not state.complete or probe.seen != state.seen_after or _is_new_day(state, probe)


def _is_new_day(state: State, probe: Probe) -> bool:
    """Since what was read last began to be read: it may have been committed after midnight, or in part only."""
    return _day(state.read_until + OVERLAP) != _day(probe.now)


def _day(moment: datetime) -> date:
    return moment.astimezone(BEIJING).date()


def _read_on(
    client: WarehouseClient, state: State, platforms: list[str], probe: Probe, checkpoint: Checkpoint, rows_a_batch: int
) -> State:
    """Reads what `probe` has found; the state afterwards."""
    read_until = max(probe.now - OVERLAP, state.read_until)
    parameters = {
        "attempt": time.time_ns() // 1_000_000 << ATTEMPT_BITS | secrets.randbits(ATTEMPT_BITS),
        "generation": state.generation,
        "since": to_milliseconds(state.read_until),
        "new_day": int(_is_new_day(state, probe)),
        "replaces": int(state.batch > 0),
    }
    seen_after = count_rows(client, platforms, read_until).seen
    checkpoint("counted")
    buckets = _stage(client, state, probe, parameters, rows_a_batch)
    checkpoint("staged")
    for bucket in range(buckets):
        # before the last one is there, the next refresh has to begin where this one began
        read = (read_until, seen_after) if bucket == buckets - 1 else (state.read_until, state.seen_after)
        state = _add_batch(
            client, replace(state, read_until=read[0], seen_after=read[1]), {**parameters, "bucket": bucket}, checkpoint
        )
    drop_leftovers(client, state, parameters["attempt"])
    return state


def _stage(client: WarehouseClient, state: State, probe: Probe, parameters: dict[str, Any], rows_a_batch: int) -> int:
    """Stages what has changed; into how many buckets it was parted."""
    rows = probe.rows
    if state.complete:
        stage_touched(client, list(rows), parameters)
        rows = count_touched(client, parameters)
    buckets = -(-sum(rows.values()) // rows_a_batch) or 1
    for platform, count in rows.items():
        if count:
            stage_images(client, platform, -(-count // rows_a_batch), {**parameters, "buckets": buckets})
    if parameters["replaces"]:
        stage_before(client, {**parameters, "buckets": buckets})
    return buckets


def _open_generation(client: WarehouseClient, rebuild: bool) -> State:
    """The state to go on from: a batch that was committed only is applied first, a generation of older rules is replaced.

    One of newer rules is left alone: the two versions would read everything anew in turn.
    """
    newest = _settle(client)
    if newest and newest.rules > RULES and not rebuild:
        raise StorageError(
            f"analytics: a newer version of this program has made it (rules {newest.rules}, here {RULES}); "
            "update this one, or go back for good with `scrapy analytics refresh --rebuild`"
        )
    if newest and newest.applied != newest.batch:
        logger.warning(
            "analytics: %d batches were committed and %d counted; everything is read anew", newest.batch, newest.applied
        )
    if newest is None or rebuild or newest.rules < RULES or newest.applied != newest.batch:
        begin_generation(client, newest.generation + 1 if newest else 1)
        newest = _newest_state(client)
    if newest is None:
        raise StorageError("analytics: job_change keeps no row; `scrapy warehouse migrate` says whether its table is whole")
    return newest


def _settle(client: WarehouseClient) -> State | None:
    """The newest generation once its last batch is applied; as it is where that cannot be had."""
    newest = None
    for _ in range(ATTEMPTS):
        newest = _newest_state(client)
        if newest is None or newest.applied == newest.batch or newest.applied < newest.batch - 1:
            break
        if newest.applied < newest.batch:
            apply_batch(client, newest.generation, newest.batch)
        # the two were read one after the other: where more is counted than committed, somebody has gone on in between
    return newest


def _newest_state(client: WarehouseClient) -> State | None:
    states = read_states(client)
    return states[-1] if states else None


def _add_batch(client: WarehouseClient, state: State, parameters: dict[str, Any], checkpoint: Checkpoint) -> State:
    """Commits what `state` and the stage say as the next batch, and applies it."""
    commit_batch(client, state, parameters)
    checkpoint("committed")
    newest = _newest_state(client)
    if newest is None or (newest.generation, newest.batch) != (state.generation, state.batch + 1):
        raise RefreshLost("analytics: another process has gone on in between")
    if newest.attempt != parameters["attempt"]:
        raise RefreshLost("analytics: another process has committed this batch")
    apply_batch(client, newest.generation, newest.batch, checkpoint)
    checkpoint("applied")
    return replace(newest, applied=newest.batch)
