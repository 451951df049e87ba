"""A file of the spool is whole or known not to be; what comes out is what went in, without what must not be kept."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.exceptions import DamagedFile, StorageError
from jobdata_scrapy.items import Job, Page
from jobdata_scrapy.spool.files import HEADER, MAGIC, VERSION, _checksum, count_waiting, decode_page, encode_page, page_unit
from tests.spool.spool_parts import as_repeat, make_job, make_page

WHOLE = encode_page(make_page())
TEXTS = st.text(st.characters(exclude_categories=()))  # half a surrogate pair, too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def values_of(page: Page) -> list[object]:
    kept = [getattr(page, field.name) for field in fields(Page) if field.name not in ("jobs", "stored", "outcome")]
    return [*kept, *(getattr(job, field.name) for job in page.jobs for field in fields(Job) if field.name != "ticket")]


def test_what_goes_in_comes_out_and_no_ticket_does():
    page = make_page(ids=("a", "b", "c"), last=True, capped=True)
    as_repeat(page.jobs[1])
    back = decode_page(encode_page(page))
    assert values_of(back) == values_of(page)
    assert [job.ticket for job in back.jobs] == [{}, {}, {}]
    assert b"secret" not in encode_page(page)
    assert count_waiting(back) == 2


@given(text=TEXTS, raw=st.dictionaries(TEXTS, JSON, max_size=3), number=st.integers(-(2**80), 2**80) | TEXTS)
def test_any_content_comes_out_as_it_went_in(text, raw, number):
    """Values that no column takes are for the warehouse to refuse, not for the spool to lose."""
    page = make_page()
    page.jobs = [make_job(text, title=text, raw=raw, salary_low=number)]
    (job,) = decode_page(encode_page(page)).jobs
    assert (job.job_id, job.title, job.raw, job.salary_low) == (text, text, raw, number)


@given(length=st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_short_is_recognised(length):
    with pytest.raises(DamagedFile, match="is cut short"):
        decode_page(WHOLE[:length])


@given(place=st.integers(0, len(WHOLE) - 1), change=st.integers(1, 255))
def test_a_changed_byte_is_recognised(place, change):
    changed = bytearray(WHOLE)
    changed[place] ^= change
    with pytest.raises(DamagedFile):
        decode_page(bytes(changed))


@given(more=st.binary(min_size=1))
def test_a_file_that_is_too_long_is_recognised(more):
    with pytest.raises(DamagedFile, match="is too long"):
        decode_page(WHOLE + more)


@given(data=st.binary(max_size=200))
def test_no_other_file_is_taken_for_one(data):
    with pytest.raises(DamagedFile):
        decode_page(data)
    with pytest.raises(DamagedFile):
        decode_page(WHOLE[: HEADER.size] + data)


def test_a_page_that_is_no_json_is_an_error_that_names_it():
    with pytest.raises(StorageError, match=r"^page 1 of '数据分析' cannot be kept on disk: a value of type object is no JSON$"):
        encode_page(make_page(jobs=[make_job("a", raw={"x": object()})]))


def test_a_unit_names_one_answer_of_a_site():
    page = make_page()
    assert page_unit(decode_page(encode_page(page))) == page_unit(page)
    others = [
        make_page(2),
        make_page(run_id="r2"),
        make_page(round="r1.2"),
        make_page(page_kind="detail"),
        make_page(ids=("a", "c")),
    ]
    assert len({page_unit(one) for one in (page, *others)}) == 6


def test_details_count_for_no_round():
    assert count_waiting(make_page(page_kind="detail", number=0)) == 0


def as_file(values: dict[str, Any]) -> bytes:
    payload = zlib.compress(json.dumps(values).encode())
    return HEADER.pack(MAGIC, VERSION, len(payload), _checksum(VERSION, payload)) + payload


@pytest.mark.parametrize(
    "change", [{"new_field": 1}, {"jobs": [{"job_id": "a"}]}, {"fetched_at": "noon"}, {"fetched_at": None}, {"jobs": None}]
)
def test_a_whole_file_of_other_records_is_damaged(change):
    """A program whose Page has other fields wrote it, and did not count VERSION up."""
    values = json.loads(zlib.decompress(WHOLE[HEADER.size :]))
    assert decode_page(as_file(values)).number == 1
    with pytest.raises(DamagedFile, match="has other fields than this program reads"):
        decode_page(as_file(values | change))
