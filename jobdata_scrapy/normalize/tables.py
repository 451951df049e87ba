"""What every reader needs: the JSON tables beside the code, and one way of folding full-width notation."""

from __future__ import annotations

import json
import unicodedata
from importlib import resources
from typing import Any

_FOLDS = str.maketrans(
    dict.fromkeys("‐‑‒–—―−─~∼〜～", "-")  # every dash and tilde a site or a person has typed between two numbers
    | dict.fromkeys("•・‧∙⋅●", "·")
)


def read_table(name: str) -> dict[str, Any]:
    """The JSON table `name` of this package (works in a zipped egg); keys that start with "_" are notes and left out."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return {key: value for key, value in table.items() if not key.startswith("_")}


def fold_text(text: str, space: str = "") -> str:
    """`text` in one notation: NFKC (full-width to ASCII), one kind of dash and middle dot, runs of white space as `space`."""
    return space.join(unicodedata.normalize("NFKC", text).translate(_FOLDS).split())
