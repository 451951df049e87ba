from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobdata_scrapy.normalize.text import clean_text, mask_contacts


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("岗位职责：<br>1、开发<br/>2、测试", "岗位职责：\n1、开发\n2、测试"),
        ("<p>一</p><p>二 <b>三</b></p>", "一\n\n二 三"),
        ("<P style='x'>一</P>", "一"),
        ("一\\n二\\r\\n三", "一\n二\n三"),
        ("一\r\n\r\n\r\n\r\n二", "一\n\n二"),
        ("  一 　 二\t三 \n", "一 二 三"),
        ("R&amp;D &lt;3年", "R&D <3年"),
        ("&lt;br&gt;一&nbsp;二", "一 二"),
        ("<!-- x --><style>p{}</style><script>alert('<p>')</script>一", "一"),
        ("零\u200b宽", "零宽"),
        ("", ""),
    ],
)
def test_html_becomes_plain_lines(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    "text", ["熟悉 List<String>、Map<K,V>", "经验<3年, 薪资>10K", "C:\\work 与 a\\b", "R&D、Q&A", "a < b && c > d"]
)
def test_plain_text_that_looks_like_markup_stays(text: str) -> None:
    assert clean_text(text) == text


PIECES = st.sampled_from(
    [
        "<br>",
        "<p",
        ">",
        "</p>",
        "&lt;",
        "&amp;",
        "br",
        "&gt;",
        "\\",
        "n",
        "\\n",
        " ",
        "\n",
        "<b>",
        "一",
        "\u200b",
        "<!--",
        "-->",
        "script",
    ]
)


@given(st.text(max_size=60) | st.lists(PIECES, max_size=15).map("".join))
def test_cleaning_a_clean_text_changes_nothing(text: str) -> None:
    cleaned = clean_text(text)

    assert clean_text(cleaned) == cleaned
    assert "\n\n\n" not in cleaned


def test_hostile_text_takes_no_time() -> None:
    mask_contacts("微信" + " " * 20_000)
    mask_contacts("QQ" + " " * 20_000 + "a." * 5_000 + "@")
    clean_text("&amp;" + "amp;" * 5_000)
    clean_text("<!--" * 20_000 + "<script>" * 20_000 + "<a" * 20_000)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("联系电话13812345678。", "联系电话[phone]。"),
        ("tel:138-1234-5678", "tel:[phone]"),
        ("138 1234 5678", "[phone]"),
        ("+86 13812345678", "[phone]"),
        ("8613812345678", "[phone]"),
        ("１３８１２３４５６７８", "[phone]"),
        ("座机021-61234567转801", "座机[phone]"),
        ("(010) 61234567", "[phone]"),
        ("0755-61234567-8", "[phone]"),
        ("电话：61234567", "电话：[phone]"),
        ("简历投 hr.team@example.com.cn 即可", "简历投 [email] 即可"),
        ("13812345678@163.com", "[email]"),
        ("加微信：abc_123456", "加微信：[wechat]"),
        ("微信号 zhang-san88", "微信号 [wechat]"),
        ("VX:abcdef1", "VX:[wechat]"),
        ("微信同号13812345678", "微信同号[phone]"),
        ("微信：13812345678", "微信：[phone]"),
        ("QQ：123456789", "QQ：[qq]"),
        ("qq群 12345678", "qq群 [qq]"),
    ],
)
def test_contact_data_is_masked(text: str, masked: str) -> None:
    assert mask_contacts(text) == (masked, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "岗位职责：负责数据分析",
        "订单号9913812345678001",
        "订单号9913812345678",
        "系数0.13812345678",
        "2024-04-06 04:00:34",
        "薪资 15000-25000",
        "熟悉微信小程序、微信Android SDK、QQ音乐",
        "统一社会信用代码 91310000133612345X",
        "@Autowired 注解",
        "-------",
        "注册资本 1000000000 元",
    ],
)
def test_other_numbers_and_words_stay(text: str) -> None:
    assert mask_contacts(text) == (text, 0)


def test_several_are_counted() -> None:
    assert mask_contacts("13812345678 或 13912345678，a@b.com") == ("[phone] 或 [phone]，[email]", 3)


CONTACTS = st.sampled_from(
    [
        "13812345678",
        "1",
        "8",
        "-",
        " ",
        "021",
        "61234567",
        "a@b.com",
        "@",
        ".",
        "微信",
        "：",
        "QQ",
        "号",
        "vx",
        "abc123",
        "000000",
        "电话",
        "86",
    ]
)


@given(st.text(max_size=40) | st.lists(CONTACTS, max_size=14).map("".join))
@example("微信000000微信000000")
@example("QQ12345vx 123456")
def test_masking_again_changes_nothing(text: str) -> None:
    masked, count = mask_contacts(text)

    assert mask_contacts(masked) == (masked, 0)
    assert (count == 0) == (masked == text)
