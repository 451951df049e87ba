"""The questions by name, for the command, the export and the admin."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from jobdata_scrapy.exceptions import ArgumentError
from jobdata_scrapy.warehouse.analytics.questions import (
    closing,
    distribution,
    employers,
    overlap,
    postings,
    quality,
    salary,
    skills,
)
from jobdata_scrapy.warehouse.analytics.relation import open_reader
from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.filters import Filters

MOST = 100_000
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)  # ClickHouse's Date
READERS: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], bool]]] = {
    int: (int, lambda number: 1 <= number <= MOST),
    float: (float, lambda number: 0 <= number <= 1),
    date: (lambda value: date.fromisoformat(str(value)), lambda day: FIRST_DAY <= day <= LAST_DAY),
}
"""Type of an option -> what reads it, and whether what was read is allowed."""
ALLOWED = {
    int: f"a whole number from 1 to {MOST}",
    float: "a number from 0 to 1",
    date: f"a day from {FIRST_DAY} to {LAST_DAY}, YYYY-MM-DD",
}


@dataclass(frozen=True)
class Question:
    """name: what `ask` takes; title_zh, title_en: for people; function(reader, **options) -> a list of `row`."""

    name: str
    title_zh: str
    title_en: str
    row: type
    function: Callable[..., Sequence[Any]]

    @property
    def columns(self) -> list[str]:
        """The columns of its answers."""
        return [field.name for field in fields(self.row)]

    @property
    def options(self) -> dict[str, str]:
        """Its options, and what each takes."""
        return {name: _describe(kind) for name, kind in self._kinds().items()}

    def read_options(self, given: dict[str, Any]) -> dict[str, Any]:
        """Options in their types, from words too. Raises ArgumentError naming option, value and what is allowed."""
        kinds = self._kinds()
        if wrong := next((name for name in given if name not in kinds), None):
            allowed = ", ".join(kinds) or "none"
            raise ArgumentError(f"analytics {self.name}: {wrong!r} is no option; allowed: {allowed}")
        return {name: self._read(name, kinds[name], value) for name, value in given.items()}

    def _kinds(self) -> dict[str, Any]:
        hints = typing.get_type_hints(self.function)
        return {
            name: next((kind for kind in typing.get_args(hints[name]) if kind in READERS), hints[name])
            for name, parameter in inspect.signature(self.function).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }

    def _read(self, name: str, kind: Any, value: Any) -> Any:
        read, is_right = READERS.get(kind, (str, lambda one: one in typing.get_args(kind)))
        try:
            found = read(value)
        except (TypeError, ValueError):
            found = None
        if found is None or not is_right(found):
            raise ArgumentError(f"analytics {self.name}: {name}={value!r}; allowed: {_describe(kind)}")
        return found


@dataclass(frozen=True)
class Answer:
    """A question's rows as a table. as_of: what was stored up to this moment is counted (aware UTC)."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    as_of: datetime


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question("postings", "各站点新增职位", "Postings by day or week and site", postings.PostingsRow, postings.count_postings),
        Question("salary", "薪资分位数", "Salary percentiles", salary.SalaryRow, salary.rate_salaries),
        Question(
            "distribution", "职位分布", "Distribution of postings", distribution.DistributionRow, distribution.show_distribution
        ),
        Question("skills", "热门技能", "Top skills, their pay and growth", skills.SkillRow, skills.rank_skills),
        Question("employers", "热门雇主", "Top employers", employers.EmployerRow, employers.rank_employers),
        Question("closing", "职位关闭时长", "Time to close", closing.ClosingRow, closing.time_to_close),
        Question("reposts", "新发与重发职位", "New and re-posted postings", postings.RepostsRow, postings.count_reposts),
        Question("overlap", "跨站点重复职位", "The same posting on several sites", overlap.OverlapRow, overlap.measure_overlap),
        Question("quality", "字段完整度", "How much of the postings is told", quality.QualityRow, quality.check_quality),
    )
}
"""By name."""


def ask(client: WarehouseClient, name: str, filters: Filters, *, max_age: float = 0.0, **options: Any) -> Answer:
    """Answers a question of `QUESTIONS`, with all that was stored until now, or until `max_age` seconds ago.

    Raises ArgumentError for an unknown name or option, WarehouseUnavailable when ClickHouse does not answer.
    """
    if name not in QUESTIONS:
        raise ArgumentError(f"analytics: {name!r} is no question; allowed: {', '.join(QUESTIONS)}")
    question = QUESTIONS[name]
    values = question.read_options(options)
    reader = open_reader(client, filters, max_age)
    rows = [tuple(getattr(row, column) for column in question.columns) for row in question.function(reader, **values)]
    return Answer(question.columns, rows, reader.as_of)


def _describe(kind: Any) -> str:
    return ALLOWED[kind] if kind in ALLOWED else ", ".join(typing.get_args(kind))
