"""Employers and titles under one spelling, as the engine reads them."""

from __future__ import annotations

import pytest

from jobdata_scrapy.warehouse.analytics.names import core_sql, employer_sql, title_sql
from jobdata_scrapy.warehouse.client import WarehouseClient
from tests.warehouse.analytics_model import COMPANIES, TITLES

pytestmark = pytest.mark.slow
EMPLOYERS = {
    **COMPANIES,
    "字节跳动（北京）科技有限公司": ("字节跳动科技", "字节跳动"),
    "ＡＢＣ Software Co": ("abcsoftwareco", "abcsoftwareco"),
    "深圳市腾讯计算机系统有限公司": ("深圳市腾讯计算机系统", "腾讯计算机系统"),
    "北京银行": ("北京银行", "北京银行"),
    "中国平安保险（集团）股份有限公司": ("中国平安保险", "中国平安保险"),
    "上海家化": ("上海家化", "上海家化"),
    "科技有限公司": ("科技", "科技"),
    "公司": ("公司", "公司"),
    "(某某)": ("某某", "某某"),
    "华为技术有限公司": ("华为技术", "华为"),
}
TITLE_EXAMPLES = {
    **TITLES,
    "【急】 Java 开发-上海": "java开发上海",
    "C#/.NET": "c#net",
    "（急聘）": "急聘",
    "ＵＩ设计师": "ui设计师",
    "": "",
}


def test_an_employer_has_one_name_and_a_core(client: WarehouseClient):
    names = f"{employer_sql('raw')} AS employer, {core_sql('employer')}"
    sql = f"SELECT {names} FROM (SELECT arrayJoin({{names:Array(String)}}) AS raw)"
    rows = client.query(sql, {"names": list(EMPLOYERS)}).result_rows
    assert dict(zip(EMPLOYERS, rows, strict=True)) == EMPLOYERS


def test_a_title_has_one_spelling(client: WarehouseClient):
    sql = f"SELECT {title_sql('raw')} FROM (SELECT arrayJoin({{names:Array(String)}}) AS raw)"
    rows = client.query(sql, {"names": list(TITLE_EXAMPLES)}).result_rows
    assert dict(zip(TITLE_EXAMPLES, [title for (title,) in rows], strict=True)) == TITLE_EXAMPLES


def test_a_clean_name_stays_as_it_is(client: WarehouseClient):
    for make, names in ((employer_sql, [name for name, _ in EMPLOYERS.values()]), (title_sql, list(TITLE_EXAMPLES.values()))):
        sql = f"SELECT {make('raw')} FROM (SELECT arrayJoin({{names:Array(String)}}) AS raw)"
        assert [name for (name,) in client.query(sql, {"names": names}).result_rows] == names
