"""The identifiers that zhaopin.com's page gives each of its requests. There is no signature, and none of them is verified.

`_v` is a random number of eight decimals; `x-zp-page-request-id` 32 hex digits, the time in milliseconds and six digits;
`x-zp-client-id` and the action id are UUIDs. Source: three independent clients of the present API.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from uuid import UUID

import msgspec

from jobdata_scrapy.platform import PageKind, RequestSpec, SignContext


def sign(spec: RequestSpec, context: SignContext) -> RequestSpec:
    """The spec with fresh identifiers, all derived from the context; in a POST the action id stands in the body as well.

    A page that people read carries none.
    """
    if spec.page_kind is PageKind.HTML:
        return spec
    action_id = make_uuid(context.nonce, "action")
    named = spec.with_params(*make_identifiers(context)).with_headers(("x-zp-action-id", action_id))
    return replace(named, body=add_action_id(spec.body, action_id)) if spec.body else named


def make_identifiers(context: SignContext) -> tuple[tuple[str, str], ...]:
    """The identifying query parameters."""
    digits = int(_derive(context.nonce, "digits"), 16)
    request_id = f"{_derive(context.nonce, 'page')}-{int(context.now * 1000)}-{digits % 10**6:06d}"
    return (
        ("_v", f"0.{digits // 10**6 % 10**8:08d}"),
        ("x-zp-page-request-id", request_id),
        ("x-zp-client-id", make_uuid(context.nonce, "client")),
        ("platform", "13"),
        ("version", "0.0.0"),
    )


def make_uuid(nonce: str, purpose: str) -> str:
    """A random-looking UUID (version 4), another one for each purpose of one nonce."""
    return str(UUID(hex=_derive(nonce, purpose), version=4))


def add_action_id(body: bytes, action_id: str) -> bytes:
    """The JSON object with `actionid` as its last field, compact."""
    return msgspec.json.encode({**msgspec.json.decode(body), "actionid": action_id})


def _derive(nonce: str, purpose: str) -> str:
    """32 hex digits that depend on nonce and purpose only."""
    return hashlib.blake2b(f"{purpose}:{nonce}".encode(), digest_size=16).hexdigest()
