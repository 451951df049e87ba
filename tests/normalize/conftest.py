"""The texts of the captured answers, where that optional folder is present.

It is named by JOBDATA_SAMPLES, or lies beside the checkout as ../shared/samples.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def sample_texts() -> Callable[..., list[str]]:
    """`sample_texts("salaryDesc", "salary60")`: the distinct texts under these keys; skips where there are no answers."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "samples"
    folder = Path(os.environ.get("JOBDATA_SAMPLES") or beside)
    files = sorted(folder.glob("*.json"))
    if not files:
        pytest.skip("no captured answers here")
    answers = [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def texts(*keys: str) -> list[str]:
        found = {text for answer in answers for key, text in _walk(answer) if key in keys and isinstance(text, str)}
        return sorted(found)

    return texts


def _walk(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)
