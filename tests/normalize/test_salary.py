from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobdata_scrapy.normalize import UnreadableText
from jobdata_scrapy.normalize.salary import UNDISCLOSED, SalaryUnit, parse_salary

MONTH, YEAR, DAY, HOUR = SalaryUnit.MONTH, SalaryUnit.YEAR, SalaryUnit.DAY, SalaryUnit.HOUR


@pytest.mark.parametrize(
    ("text", "low", "high", "unit", "months"),
    [
        ("15-25K·14薪", 15_000, 25_000, MONTH, 14),
        ("1-1.5万", 10_000, 15_000, MONTH, 12),
        ("8千-1.2万·13薪", 8_000, 12_000, MONTH, 13),
        ("20-30万/年", 200_000, 300_000, YEAR, 12),
        ("30-50万/年", 300_000, 500_000, YEAR, 12),
        ("200-300元/天", 200, 300, DAY, 12),
        ("300-310元/天", 300, 310, DAY, 12),
        ("1.5千/天", 1_500, 1_500, DAY, 12),
        ("120元/天", 120, 120, DAY, 12),
        ("200-300/天", 200, 300, DAY, 12),
        ("20-30元/时", 20, 30, HOUR, 12),
        ("20元/小时", 20, 20, HOUR, 12),
        ("3千及以下·13薪", None, 3_000, MONTH, 13),
        ("3千及以下", None, 3_000, MONTH, 12),
        ("3K以下", None, 3_000, MONTH, 12),
        ("1万以上", 10_000, None, MONTH, 12),
        ("50K以上", 50_000, None, MONTH, 12),
        ("1万/月以上", 10_000, None, MONTH, 12),
        ("8000-12000元", 8_000, 12_000, MONTH, 12),
        ("15000-25000", 15_000, 25_000, MONTH, 12),
        ("2001-4000元/月", 2_001, 4_000, MONTH, 12),
        ("1.6万-1.7万", 16_000, 17_000, MONTH, 12),
        ("9K-16K", 9_000, 16_000, MONTH, 12),
        ("15-25k", 15_000, 25_000, MONTH, 12),
        ("1-1.5万/月", 10_000, 15_000, MONTH, 12),
        ("6-7.5千/月", 6_000, 7_500, MONTH, 12),
        ("20-40万/年·14薪", 200_000, 400_000, YEAR, 12),
        ("1.1-1.5万·13薪", 11_000, 15_000, MONTH, 13),
        ("1.1-1.5万13薪", 11_000, 15_000, MONTH, 13),
        ("1.1-1.5万 13薪", 11_000, 15_000, MONTH, 13),
        ("25-15K", 15_000, 25_000, MONTH, 12),
        ("8000-1.2万", 8_000, 12_000, MONTH, 12),
        ("8千-12000", 8_000, 12_000, MONTH, 12),
        ("1万-15000元", 10_000, 15_000, MONTH, 12),
        ("1万-15000", 10_000, 15_000, MONTH, 12),
        ("1万-2", 10_000, 20_000, MONTH, 12),
        ("200000-300000/年", 200_000, 300_000, YEAR, 12),
        ("8千", 8_000, 8_000, MONTH, 12),
        ("1.2-2万元/月", 12_000, 20_000, MONTH, 12),
        ("1w-1.5w", 10_000, 15_000, MONTH, 12),
        ("8,000-12,000元/月", 8_000, 12_000, MONTH, 12),
        ("月薪8000-12000元", 8_000, 12_000, MONTH, 12),
        ("年薪30-50万", 300_000, 500_000, YEAR, 12),
    ],
)
def test_worked_forms_are_read_as_stated(text: str, low: float | None, high: float | None, unit: SalaryUnit, months: int) -> None:
    salary = parse_salary(text)

    assert (salary.low, salary.high, salary.unit, salary.months) == (low, high, unit, months)
    assert salary.disclosed


@pytest.mark.parametrize(
    ("text", "monthly_low", "monthly_high"),
    [
        ("15-25K·14薪", 15_000, 25_000),  # a 14th salary is not counted in
        ("30-50万/年", 25_000, 41_666.67),
        ("20-30万/年", 16_666.67, 25_000),
        ("200-300元/天", 4_350, 6_525),
        ("1.5千/天", 32_625, 32_625),
        ("20-30元/时", 3_480, 5_220),
        ("3千及以下·13薪", None, 3_000),
        ("1万以上", 10_000, None),
    ],
)
def test_pay_by_year_day_and_hour_gets_its_monthly_value(
    text: str, monthly_low: float | None, monthly_high: float | None
) -> None:
    salary = parse_salary(text)

    assert (salary.monthly_low, salary.monthly_high) == (monthly_low, monthly_high)


@pytest.mark.parametrize("text", ["", "  ", "面议", "薪资面议", "校招", "工资面议", "面议·13薪"])
def test_an_undisclosed_salary_is_no_number_and_no_error(text: str) -> None:
    assert parse_salary(text) == UNDISCLOSED
    assert not parse_salary(text).disclosed
    assert UNDISCLOSED.unit == ""
    assert UNDISCLOSED.months is None


@pytest.mark.parametrize(
    "text",
    ["１５－２５Ｋ·１４薪", "15 - 25 K · 14 薪", "15–25K•14薪", "15—25k・14薪", "15~25K·14薪", "15～25Ｋ·14薪", "15至25K·14薪"],
)
def test_full_width_signs_dashes_and_blanks_make_no_difference(text: str) -> None:
    assert parse_salary(text) == parse_salary("15-25K·14薪")


@pytest.mark.parametrize(
    "text",
    [
        "2000元/周",
        "100元/次",
        "5元/单",
        "15-25",
        "20-30/年",
        "abc",
        "-",
        "15-25K-30K",
        "K",
        "一万",
        "15-25K·薪",
        "1·13薪5K",
        "1万以上以下",
        "15-25K以上/年以上",
    ],
)
def test_what_the_grammar_does_not_have_is_refused_with_field_and_text(text: str) -> None:
    with pytest.raises(UnreadableText, match="salary: cannot read") as caught:
        parse_salary(text)

    assert (caught.value.field, caught.value.text) == ("salary", text)


def test_the_refusal_is_one_short_line_and_survives_pickling() -> None:
    with pytest.raises(UnreadableText) as caught:
        parse_salary("x" * 500)

    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (again.field, again.text, str(again)) == ("salary", "x" * 500, str(caught.value))


@given(st.text(max_size=30) | st.text("0123456789.-千万KkW元/年月天时薪·以上下及面议 ,~", max_size=20))
@example("0/天")
def test_any_text_is_read_or_refused_and_never_inconsistent(text: str) -> None:
    try:
        salary = parse_salary(text)
    except UnreadableText:
        return
    assert salary.low is None or salary.high is None or 0 <= salary.low <= salary.high
    assert (salary.low is None) == (salary.monthly_low is None)
    assert (salary.high is None) == (salary.monthly_high is None)
    assert (salary.months is None) == (not salary.disclosed)
    factor = {MONTH: 1, YEAR: 1 / 12, DAY: 21.75, HOUR: 8 * 21.75, "": 0}[salary.unit]
    for amount, monthly in ((salary.low, salary.monthly_low), (salary.high, salary.monthly_high)):
        if amount is not None:
            assert monthly == pytest.approx(amount * factor, abs=0.006)


NUMBERS = st.integers(1, 9_999).map(lambda tenths: tenths / 10)
FACTORS = {"千": 1_000, "K": 1_000, "k": 1_000, "万": 10_000, "元": 1}


@given(
    ends=st.tuples(NUMBERS, NUMBERS).map(sorted),
    unit=st.sampled_from(sorted(FACTORS)),
    unit_on_both=st.booleans(),
    per=st.sampled_from(["", "/月", "/年", "/天", "/日", "/时", "/小时"]),
    months=st.none() | st.integers(12, 24),
)
def test_a_range_written_by_the_grammar_comes_back(
    ends: list[float], unit: str, unit_on_both: bool, per: str, months: int | None
) -> None:
    low, high = ends
    text = f"{low:g}{unit if unit_on_both else ''}-{high:g}{unit}{per}" + (f"·{months}薪" if months else "")

    salary = parse_salary(text)

    units = {"": MONTH, "/月": MONTH, "/年": YEAR, "/天": DAY, "/日": DAY, "/时": HOUR, "/小时": HOUR}
    assert salary.low == pytest.approx(low * FACTORS[unit], abs=0.006)
    assert salary.high == pytest.approx(high * FACTORS[unit], abs=0.006)
    assert salary.unit == units[per]
    assert salary.months == (12 if per == "/年" else months or 12)


@given(
    number=NUMBERS,
    unit=st.sampled_from(sorted(FACTORS)),
    bound=st.sampled_from(["以下", "及以下", "以上", "及以上"]),
    per=st.sampled_from(["", "/月", "/年", "/天"]),
)
def test_an_open_end_stays_open(number: float, unit: str, bound: str, per: str) -> None:
    salary = parse_salary(f"{number:g}{unit}{bound}{per}")

    closed, open_end = (salary.low, salary.high) if "上" in bound else (salary.high, salary.low)
    assert closed == pytest.approx(number * FACTORS[unit], abs=0.006)
    assert open_end is None


def test_every_captured_salary_is_read(sample_texts: Callable[..., list[str]]) -> None:
    texts = sample_texts("salaryDesc", "provideSalaryString", "providesalary_text", "salary", "salary60", "Salary", "Salary60")

    assert len(texts) > 40
    for text in texts:
        salary = parse_salary(text)
        assert salary.disclosed == any(sign.isdigit() for sign in text), text
