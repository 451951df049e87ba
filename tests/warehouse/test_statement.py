"""What the HTTP door reads of a statement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.warehouse.local_server.compression import Encoder, decompress
from jobdata_scrapy.warehouse.local_server.statement import (
    Insert,
    keeps_state,
    native_header,
    quote,
    quote_name,
    read_insert,
    selects,
    shows_rows,
    split_format,
)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            b"INSERT INTO `job` (`a`, `b`) FORMAT Native\n\x02\x01",
            Insert("INSERT INTO `job` (`a`, `b`) ", "", "Native", b"\x02\x01"),
        ),
        (
            b"insert into jd.job (a)\n settings x=1 format CSV\r\n1\n",
            Insert("insert into jd.job (a)\n ", "settings x=1 ", "CSV", b"1\n"),
        ),
        (b"INSERT INTO t FORMAT JSONEachRow;{}", Insert("INSERT INTO t ", "", "JSONEachRow", b"{}")),
        (b"INSERT INTO t (`od)d`) FORMAT TSV\n", Insert("INSERT INTO t (`od)d`) ", "", "TSV", b"")),
        (b"INSERT INTO t VALUES (1, ' FORMAT CSV\n')", None),
        (b"INSERT INTO t SELECT 1 FORMAT Native\n", None),
        (b"SELECT 'INSERT INTO t FORMAT CSV\n'", None),
        (b"INSERT INTO t (a", None),
    ],
)
def test_finds_where_the_data_of_an_insert_begin(head: bytes, expected: Insert | None):
    assert read_insert(head, whole=True) == expected


def test_the_format_name_may_be_cut_by_a_chunk():
    assert read_insert(b"INSERT INTO t FORMAT JSON", whole=False) is None
    assert read_insert(b"INSERT INTO t FORMAT JSON", whole=True) == Insert("INSERT INTO t ", "", "JSON", b"")


def test_splits_the_format_from_a_query():
    assert split_format("SELECT 1\n FORMAT Native") == ("SELECT 1\n ", "Native")
    assert split_format("SELECT ' FORMAT x'") == ("SELECT ' FORMAT x'", "")


def test_tells_statements_with_state_and_with_rows():
    assert keeps_state("-- why\nSET max_threads = 1")
    assert keeps_state("create temporary table t (a Int8)")
    assert not keeps_state("SELECT 'SET'")
    assert shows_rows("/* a */ (SELECT 1)")
    assert not shows_rows("CREATE TABLE t (a Int8)")


def test_a_select_is_told_from_what_else_shows_rows():
    assert selects("/* a */ (SELECT 1)")
    assert selects("with 1 AS a select a")
    assert not selects("SHOW TABLES")
    assert not selects("EXPLAIN SELECT 1")


def test_an_empty_native_block_names_its_columns():
    assert native_header([("id", "UInt64")]) == b"\x01\x00\x02id\x06UInt64"
    assert native_header([("x" * 200, "String")])[2:4] == b"\xc8\x01"


def test_quotes_end_nowhere_early():
    assert quote("a'b\\") == r"'a\'b\\'"
    assert quote_name("a`b\\") == r"`a\`b\\`"


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from(["", "lz4", "gzip, deflate", "br;q=1.0, lz4"]))
def test_an_encoded_answer_decodes_to_itself(chunks: list[bytes], accept: str):
    encoder = Encoder(accept)
    assert b"".join(decompress([chunk for chunk in encoder.encode(chunks) if chunk], encoder.name)) == b"".join(chunks)


def test_an_unknown_encoding_is_named():
    with pytest.raises(ValueError, match="'br' is not one of lz4, zstd, gzip, deflate"):
        decompress([b""], "br")


def test_an_insert_reads_its_data_from_a_file():
    insert = Insert("INSERT INTO t (a)", "SETTINGS x=1", "TSV", b"")
    assert insert.from_file("/d'") == "INSERT INTO t (a) FROM INFILE '/d\\'' SETTINGS x=1 FORMAT TSV"
    assert insert.from_function("/d") == "INSERT INTO t (a) SETTINGS x=1 SELECT * FROM file('/d', 'TSV')"
