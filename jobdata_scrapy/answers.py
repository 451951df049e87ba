"""Keeps an answer that could not be understood for the engineer, its personal fields out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from jobdata_scrapy.normalize.text import mask_contacts
from jobdata_scrapy.platform import Platform

MAX_KEPT = 20
REMOVED = "[removed]"


def redact_answer(body: bytes, platform: Platform) -> bytes:
    """`body` with every value removed whose key is the last name of a declared personal path, wherever it stands.

    Works on broken JSON too: there the values are removed by their key in the text.
    """
    keys = {path.rsplit(".", 1)[-1].removesuffix("[]") for path in platform.personal_paths}
    try:
        return orjson.dumps(_redact(orjson.loads(body), keys), option=orjson.OPT_INDENT_2)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace")
        names = "|".join(sorted(map(re.escape, keys)))
        text = re.sub(rf'"({names})"\s*:\s*("(?:[^"\\]|\\.)*"?|[\[{{].*|[^,}}\]]*)', rf'"\1": "{REMOVED}"', text)
        return mask_contacts(text)[0].encode()


def _redact(node: Any, keys: set[str]) -> Any:
    if isinstance(node, dict):
        return {key: REMOVED if key in keys else _redact(value, keys) for key, value in node.items()}
    if isinstance(node, list):
        return [_redact(item, keys) for item in node]
    return mask_contacts(node)[0] if isinstance(node, str) else node


def keep_answer(folder: Path, name: str, body: bytes, platform: Platform) -> Path | None:
    """Writes the redacted answer to `folder/name`; returns its path, or None when the folder holds MAX_KEPT answers already."""
    folder.mkdir(parents=True, exist_ok=True)
    if sum(1 for _ in folder.iterdir()) >= MAX_KEPT:
        return None
    path = folder / name
    path.write_bytes(redact_answer(body, platform))
    return path
