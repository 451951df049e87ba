"""Employers and titles under one spelling, as SQL: what the sites write differently for the same thing is taken away."""

from __future__ import annotations

from functools import cache

from jobdata_scrapy.normalize.area_table import load_areas

_BRACKETS = r"[(\[【〔〈《][^)\]】〕〉》]*[)\]】〕〉》]"
_SIGNS = r"[^\p{L}\p{N}+#]+"
_LEGAL_FORM = "(?:(?:集团|控股|股份|有限|责任|总|分)*公司|集团|有限合伙|普通合伙|合伙企业)"
_TRADE = (
    "信息技术|信息科技|网络技术|网络科技|电子商务|企业管理|管理咨询|文化传媒|科技|技术|网络|信息|软件|智能|数字|文化|传媒|咨询|"
    "服务|发展|实业|贸易|商贸|集团|控股|股份"
)
_KEEPS_ITS_PLACE = "(?:银行|信用社|医院|大学|学院|学校|中学|小学|航空|机场|地铁|日报)$"  # 北京银行 and 上海银行 are two


def employer_sql(column: str) -> str:
    """The name without spelling variants and legal form: 字节跳动（北京）科技有限公司 -> 字节跳动科技. For lists of employers."""
    return _take_away(rf"^(.{{2,}}?){_LEGAL_FORM}$", _plain(column))


def core_sql(employer: str) -> str:
    """The core of a name that `employer_sql` made: without region and trade, 北京字节跳动科技 -> 字节跳动.

    Different employers may share it: good together with title and city only.
    """
    without_region = f"if(match({employer}, '{_KEEPS_ITS_PLACE}'), {employer}, {_take_away(_region(), employer)})"
    return _take_away(rf"^(.{{2,}}?)(?:{_TRADE})+$", without_region)


def title_sql(column: str) -> str:
    """A title without what is in brackets, signs and case: "数据分析师（上海/急聘） " -> 数据分析师; C++ and C# keep theirs."""
    return _plain(column)


def _plain(column: str) -> str:
    folded = f"lowerUTF8(normalizeUTF8NFKC({column}))"
    without_brackets = f"replaceRegexpAll({folded}, '{_quote(_BRACKETS)}', '')"
    # a text that is nothing but brackets keeps what is in them
    kept = f"if(empty({without_brackets}), {folded}, {without_brackets})"
    return f"replaceRegexpAll({kept}, '{_quote(_SIGNS)}', '')"


def _take_away(pattern: str, text: str) -> str:
    """`text` as the only group of `pattern`, where it matches."""
    return rf"replaceRegexpOne({text}, '{_quote(pattern)}', '\\1')"


def _quote(pattern: str) -> str:
    return pattern.replace("\\", "\\\\").replace("'", "\\'")


@cache
def _region() -> str:
    """A province or city before at least three further characters."""
    areas = load_areas()
    short = {name for name in areas.provinces if not name.endswith(("省", "市", "区"))} | set(areas.city_names.values())
    return f"^(?:{'|'.join(sorted(short, key=lambda name: (-len(name), name)))})[省市]?(.{{3,}})$"
