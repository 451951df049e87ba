"""Text as a report shows it: one printable line, and no secret. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

HIDDEN = "***"
_SECRET_NAME = re.compile(r"(^|_)(key|token|secret|pass|passwd|password|pwd|auth|authorization|cookie|credentials?)($|_)", re.I)
_URL_CREDENTIALS = re.compile(r"(\w+://)[^/\s@]+@")


def clean_text(text: object, limit: int = 300) -> str:
    """`text` as one line of printable characters, at most `limit` long.

    Control characters would steer a terminal, break the SVG's XML or (lone surrogates) the file's encoding.
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def hide_url_credentials(text: str) -> str:
    """Takes `user:password@` out of every URL in `text`."""
    return _URL_CREDENTIALS.sub(rf"\1{HIDDEN}@", text)


def hide_secrets(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Arguments for people: values of secret-looking names, `SecretStr` values and credentials in URLs become `***`."""
    return {clean_text(name, 60): _show_value(name, value) for name, value in arguments.items()}


def _show_value(name: str, value: Any) -> str:
    if isinstance(value, SecretStr) or _SECRET_NAME.search(name):
        return HIDDEN
    return hide_url_credentials(clean_text(value))
