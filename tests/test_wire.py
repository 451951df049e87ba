"""Reading a site's rows: a bad row is refused alone, a changed layout is named, a number that tells nothing is None."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Job, RejectedRow
from jobdata_scrapy.wire import FilledText, Id, amount, convert, convert_part, decode, id_text, monthly_range, read_rows, text


class Area(msgspec.Struct):
    city: str


class Row(msgspec.Struct):
    id: Id
    name: FilledText
    area: Area | None = None


def make_job(raw: dict[str, Any]) -> Job:
    row = convert(raw, Row)
    return Job(job_id=id_text(row.id), title=row.name, raw=raw)


def read(rows: list[Any]) -> tuple[list[Job], list[RejectedRow]]:
    return read_rows(rows, make_job, "site", id_key="id", salary_key="pay")


GOOD = {"id": 7, "name": "a", "pay": "1K"}


def test_a_bad_row_is_refused_alone_with_its_field_and_reason() -> None:
    bad = {"id": 8, "name": "b", "area": {"city": 5}}
    jobs, rejected = read([GOOD, bad, GOOD])
    assert [job.job_id for job in jobs] == ["7", "7"]
    assert rejected == [RejectedRow("area.city", "Expected `str`, got `int`", row_id="8", raw=bad)]


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        ({"name": "b"}, "id", "is missing"),
        ({"id": 1, "name": "b", "area": {}}, "area.city", "is missing"),
        ({"id": "", "name": "b"}, "id", "Expected `str` of length >= 1"),
        ({"id": 1, "name": None}, "name", "Expected `str`, got `null`"),
        ("no object", "row", "Expected `object`, got `str`"),
    ],
)
def test_the_field_of_a_bad_row_is_named(bad: Any, field: str, reason: str) -> None:
    _, (rejected,) = read([GOOD, bad])
    assert (rejected.field, rejected.reason) == (field, reason)


def test_most_rows_bad_is_a_changed_layout() -> None:
    with pytest.raises(ParseError, match=r"^site search: field 'id' is missing in 2 of 3 rows$"):
        read([GOOD, {"name": "b"}, {"name": "c"}])


def test_one_bad_row_on_a_page_of_one_proves_nothing() -> None:
    assert len(read([{"name": "b"}])[1]) == 1


def test_a_renamed_salary_is_a_changed_layout() -> None:
    with pytest.raises(ParseError, match="'pay' is missing in 2 of 2 rows"):
        read([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])


@pytest.mark.parametrize("body", [b"", b'{"id": 1, "na', b"\xff", b'{"id": "\xff", "name": "a"}', b"[" * 100_000, b"NaN"])
def test_what_is_no_complete_json_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        decode(body, Row, "site", "search")
    assert caught.value.field in ("body", "row")


def test_a_parse_error_names_the_path_and_no_value() -> None:
    with pytest.raises(ParseError, match=r"^site search: field 'area.city' Expected `str`, got `int`$"):
        decode(b'{"id": 1, "name": "a", "area": {"city": 13800000000}}', Row, "site", "search")
    with pytest.raises(ParseError, match=r"^site company: field 'info.id' is missing$"):
        convert_part({"name": "a"}, Row, "site", "company", "info")


def test_the_first_filled_text_is_taken() -> None:
    assert (text(None, " ", " b ", "c"), text(None, "")) == ("b", "")
    assert (id_text(5), id_text(" a "), id_text(True), id_text(None), id_text([1])) == ("5", "a", "", "", "")


@pytest.mark.parametrize("value", [None, "", "0", 0, "面议", "-1", "nan", "inf"])
def test_what_tells_no_amount_is_none(value: Any) -> None:
    assert amount(value) is None


@given(st.one_of(st.text(), st.floats(), st.none()))
def test_an_amount_is_a_positive_number_or_none(value: Any) -> None:
    found = amount(value)
    assert found is None or 0 < found < float("inf")


def test_monthly_numbers_are_taken_beside_a_monthly_text_only() -> None:
    assert monthly_range("10000", "15000", "1-1.5万·13薪") == (10000, 15000)
    assert monthly_range("10000", "", "1万以上/月") == (10000, None)
    assert monthly_range("0", "", "") is None
    assert monthly_range("200", "300", "200-300元/天") is None
    assert monthly_range("200000", "300000", "20-30万/年") is None
