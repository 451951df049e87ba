"""Readers of the sites' Chinese notation: pure functions from text to typed values, their tables as JSON beside the code.

Each reader knows three cases: a value; nothing stated ("", 面议, 不限: None or ""); and text that it cannot read, which raises
`UnreadableText`. The caller counts the last (`stats.NORMALIZE_UNREADABLE_COUNT`) and keeps the raw text: a row never stops here.
"""

from __future__ import annotations

from jobdata_scrapy.exceptions import JobDataError


class UnreadableText(JobDataError, ValueError):
    """A text is not in the notation its field is known for. Raised by the readers of `jobdata_scrapy.normalize`.

    field: which reader refused it ("salary", "experience", "degree", "company_size", "company_stage", "area", "published");
    text: the whole text as it was given; expected: what would have been read.
    """

    def __init__(self, field: str, text: str, expected: str) -> None:
        super().__init__(field, text, expected)
        self.field = field
        self.text = text
        self.expected = expected

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return f"{self.field}: cannot read {shown!r}, expected {self.expected}"
