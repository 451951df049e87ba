from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from jobdata_scrapy.db.keyword_import import BadLine, read_keyword_file
from jobdata_scrapy.db.keyword_list import NewKeyword
from jobdata_scrapy.exceptions import ArgumentError

ROWS = [
    ["平台", "关键词", "城市", "间隔", "优先级", "备注"],
    ["boss", "数据分析", "上海", "daily", 9, "x"],
    ["BOSS", "Python", None, None, None, None],
    [None, None, None, None, None, None],
    ["boss", "Go", "上海2", None, None, None],
    ["bos", "Go", "上海", None, None, None],
    ["boss", None, "上海", "6h", None, None],
    ["boss", "Go", "上海", "weekly", None, None],
    ["boss", "Go", "上海", "6h", 12, None],
    ["zhilian", "Go", "北京", "0 2 * * *", 5.0, None],
]
GOOD = [
    NewKeyword("boss", "数据分析", "上海", "daily", 9),
    NewKeyword("boss", "Python", "全国"),
    NewKeyword("zhilian", "Go", "北京", "0 2 * * *", 5),
]
BAD = {5: "city: '上海2'", 6: "platform: 'bos'", 7: "keyword: ''", 8: "interval: 'weekly'", 9: "priority: '12'"}


def check_search(platform: str, city: str) -> tuple[str, str]:
    if platform.lower() not in ("boss", "zhilian"):
        raise ArgumentError(f"platform: {platform!r} is unknown; allowed: boss, zhilian")
    if city not in ("", "上海", "北京"):
        raise ArgumentError(f"city: {city!r} is unknown")
    return platform.lower(), city or "全国"


def write_csv(path: Path, rows: list[list[object]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    lines = [delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_bytes("\r\n".join(lines).replace("5.0", "5").encode(encoding))
    return path


def write_xlsx(path: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("kind", ["utf-8", "utf-8-sig", "gb18030", "semicolon", "tab", "xlsx"])
def test_good_lines_are_read_and_bad_ones_told(tmp_path, kind):
    if kind == "xlsx":
        path = write_xlsx(tmp_path / "list.XLSX", ROWS)
    elif kind in ("semicolon", "tab"):
        path = write_csv(tmp_path / "list.csv", ROWS, delimiter=";" if kind == "semicolon" else "\t")
    else:
        path = write_csv(tmp_path / "list.csv", ROWS, kind)
    found = read_keyword_file(path, check_search)
    assert found.keywords == GOOD
    assert {bad.line: bad.reason.partition(" is ")[0].partition(" must ")[0] for bad in found.bad} == BAD


def test_english_headers_in_any_order_and_a_site_given_for_all(tmp_path):
    path = write_csv(tmp_path / "list.csv", [["Priority", "KEYWORD"], [3, "a"], ["", "b"]])
    found = read_keyword_file(path, check_search, platform="boss")
    assert found.keywords == [NewKeyword("boss", "a", "全国", None, 3), NewKeyword("boss", "b", "全国")]


def test_quoted_cells_keep_their_commas_and_lines_their_numbers(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('platform,keyword\nboss,"C, C++"\nboss,"two\nlines"\nbos,x\n', "utf-8")
    found = read_keyword_file(path, check_search)
    assert [one.keyword for one in found.keywords] == ["C, C++"]
    assert [bad.line for bad in found.bad] == [4, 5]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("list.txt", b"x", r"^file: 'list.txt' is neither .csv nor .xlsx$"),
        ("list.csv", b"", r"^list.csv: line 1 names no column 'platform'; known columns: platform \(site, "),
        ("list.csv", "平台,城市\n".encode(), "^list.csv: line 1 names no column 'keyword'"),
        ("list.xlsx", b"no workbook", r"^file: 'list.xlsx' is no XLSX workbook$"),
        ("missing/list.csv", None, "^file: '.*list.csv' cannot be read: No such file or directory$"),
        ("missing/list.xlsx", None, "^file: '.*list.xlsx' cannot be read: No such file or directory$"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_one_line(tmp_path, name, data, message):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ArgumentError, match=message):
        read_keyword_file(path, check_search)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_break_the_reader(tmp_path, data):
    path = tmp_path / "list.csv"
    path.write_bytes(b"platform,keyword\n" + data)
    try:
        found = read_keyword_file(path, check_search)
    except ArgumentError:
        return
    assert all(isinstance(bad, BadLine) for bad in found.bad)
