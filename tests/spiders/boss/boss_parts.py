"""Captures of zhipin.com that came without their envelope get one."""

from __future__ import annotations

from typing import Any

import msgspec


def make_envelope(data: Any) -> bytes:
    """The answer that would have carried `data` as its zpData."""
    return msgspec.json.encode({"code": 0, "message": "Success", "zpData": data})
