"""Which questions `scrapy export analytics` is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.warehouse.export import Format

if TYPE_CHECKING:
    from jobdata_scrapy.warehouse.analytics import Question


@dataclass(slots=True)
class Asked:
    """A question and its options, as words."""

    question: Question
    options: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of its sheet."""
        return " ".join([self.question.name, *(f"{name}={value}" for name, value in self.options.items())])


def pick_questions(words: Sequence[str], fmt: Format) -> list[Asked]:
    """The questions that the words name, each followed by its options (OPTION=VALUE); all questions without words.

    Raises ArgumentError for an unknown one, and for several where the format holds one.
    """
    from jobdata_scrapy.warehouse.analytics import QUESTIONS  # late: every command is loaded at each start

    asked: list[Asked] = []
    for word in words or QUESTIONS:
        name, sign, value = word.partition("=")
        if sign and asked:
            asked[-1].options[name] = value
        elif sign or word not in QUESTIONS:
            raise ArgumentError(f"question: {word!r} is unknown; allowed: {', '.join(QUESTIONS)}")
        else:
            asked.append(Asked(QUESTIONS[word]))
    if fmt.name != "xlsx" and len(asked) != 1:
        raise ArgumentError(f"question: {fmt.name} holds one table, not {len(asked)}; allowed: one of {', '.join(QUESTIONS)}")
    for one in asked:
        one.question.read_options(one.options)
    return list({one.name: one for one in asked}.values())
