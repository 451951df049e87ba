"""The faults that change a good answer: another layout, broken rows, an empty list, half a body."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from jobdata_scrapy.sandbox.rules import Rule
from jobdata_scrapy.sandbox.sites.contract import Ask, Fields, Reply, Site


def change_reply(rule: Rule, site: Site, ask: Ask, reply: Reply) -> Reply:
    """The answer as `rule` leaves it. A refusal of the site stays as it is, but for `truncated`."""
    if rule.fault == "truncated":
        body = reply.encode()
        return Reply(body=body[: len(body) // 2], status=reply.status, content_type=reply.content_type)
    if reply.refused:
        return reply
    payload = orjson.loads(orjson.dumps(reply.payload))  # the rows are shared with other answers: change a copy
    if rule.subcalls is not None:
        payload = _change_subcalls(rule, site, ask, payload)
    elif rule.fault in ("empty", "empty_silent"):
        site.empty(payload, silent=rule.fault == "empty_silent")
    else:
        _change_records(rule, site.records(ask.kind, payload), site.fields(ask.kind))
    return replace(reply, payload=payload)


def _change_subcalls(rule: Rule, site: Site, ask: Ask, payload: Any) -> Any:
    """Hits some sub-answers of a batch (counted from 0) and leaves the others well."""
    for rank, (key, answer) in enumerate(payload["zpData"].items()):
        if rank not in (rule.subcalls or []):
            continue
        if rule.fault in ("renamed", "retyped"):
            _change_records(rule, site.records("detail", answer), site.fields("detail"))
        else:
            payload["zpData"][key] = site.failure(rule, ask).payload
    return payload


def _change_records(rule: Rule, records: list[dict[str, Any]], fields: Fields) -> None:
    if rule.fault == "bad_rows":
        for rank, record in enumerate(records[: rule.rows]):
            _break_id(record, fields, missing=rank % 2 == 0)
        return
    for record in records:
        for path in (*fields.ids, *fields.names):
            holder, name = _find(record, path)
            if name not in holder:
                continue
            if rule.fault == "renamed":
                holder[f"{name}V2"] = holder.pop(name)
            else:
                holder[name] = {"value": holder[name]}


def _break_id(record: dict[str, Any], fields: Fields, *, missing: bool) -> None:
    for path in fields.ids:
        holder, name = _find(record, path)
        if missing:
            holder.pop(name, None)
        elif name in holder:
            holder[name] = [holder[name]]


def _find(record: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The object that holds the last name of a dotted path; an empty one where the way is missing."""
    *way, name = path.split(".")
    holder: Any = record
    for step in way:
        holder = holder.get(step) if isinstance(holder, dict) else None
    return (holder if isinstance(holder, dict) else {}), name
