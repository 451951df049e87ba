"""What happens to a page, step by step."""

import copy
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.items import Company, Job, Page, RejectedRow, RowState
from jobdata_scrapy.page_steps import drop_path, hash_content, mark_repeats, normalize_page, strip_personal, validate_page
from spiders.registry import PLATFORMS

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def make_page(*jobs: Job, **values) -> Page:
    return Page("boss", "search", "数据分析", "上海", "r.1", "r", 1, AT, 1, jobs=list(jobs), **values)


@pytest.mark.parametrize(
    ("job", "field"),
    [
        (Job("", "t"), "job_id"),
        (Job("x" * 129, "t"), "job_id"),
        (Job("1", "  "), "title"),
        (Job("1", "t" * 501), "title"),
    ],
)
def test_one_bad_posting_is_rejected_alone(job, field):
    page = make_page(Job("a", "A"), job, Job("b", "B"))
    moved = validate_page(page)
    assert [one.field for one in moved] == [field]
    assert [one.job_id for one in page.jobs] == ["a", "b"]
    assert page.rejected == moved
    assert page.seen == 3


def test_personal_fields_leave_the_raw_answers_of_every_row():
    platform = PLATFORMS["boss"]
    raw = {"encryptJobId": "1", "bossName": "someone", "bossAvatar": "http://x/a.png", "securityId": "ticket", "jobName": "t"}
    page = make_page(
        Job("1", "t", raw=copy.deepcopy(raw)),
        rejected=[RejectedRow("title", "is empty", raw=copy.deepcopy(raw))],
        companies=[Company("c", "C", raw={"brandName": "C", "legalPerson": "someone"})],
    )
    dropped, _ = strip_personal(page, platform)
    stored = orjson.dumps([page.jobs[0].raw, page.rejected[0].raw, page.companies[0].raw]).decode()
    assert "someone" not in stored
    assert "a.png" not in stored
    assert dropped >= 4
    assert page.jobs[0].raw["jobName"] == "t"


def test_contacts_in_free_text_are_masked():
    page = make_page(Job("1", "t", description="电话 13912345678，邮箱 hr@example.com"))
    _, masked = strip_personal(page, PLATFORMS["boss"])
    assert masked == 2
    assert "13912345678" not in page.jobs[0].description
    assert "hr@example.com" not in page.jobs[0].description


def test_contacts_are_masked_wherever_people_write_and_never_in_ids():
    digits = "13912345678"
    job = Job(
        digits,
        f"销售 联系电话{digits}",
        company_id=digits,
        company_name=f"某公司 {digits}",
        skills=["SQL", f"微信：abc{digits}"],
        welfare=["五险一金", f"电话{digits}"],
        description=f"加 <b>V信</b>：abc{digits[:6]}<br>",
        url=f"https://x/{digits}.html",
    )
    company = Company(
        digits, f"某公司 {digits}", full_name="某公司", address=f"某路1号 {digits}", description=f"<p>电话：{digits}</p>"
    )
    page = make_page(job, companies=[company])
    _, masked = strip_personal(page, PLATFORMS["boss"])
    normalize_page(page)
    assert masked == 7
    assert (job.job_id, job.company_id, company.company_id, job.url) == (digits, digits, digits, f"https://x/{digits}.html")
    told = [job.title, job.company_name, *job.skills, *job.welfare, job.description]
    told += [company.name, company.address, company.description]
    assert not [text for text in told if digits[:6] in text]
    assert (job.skills[0], job.welfare[0]) == ("SQL", "五险一金")
    assert job.description == "加 V信：[wechat]"  # markup stood amid it


@pytest.mark.parametrize(
    ("site", "raw"),
    [
        ("boss", {"encryptJobId": "ID", "jobName": "T", "welfareList": ["T"], "jobLabels": ["T"], "brandName": "T"}),
        ("boss", {"jobBaseInfoVO": {"encryptJobId": "ID", "positionName": "T", "address": "T", "requiredSkills": ["T"]}}),
        ("boss", {"jobInfo": {"encryptId": "ID", "jobName": "T", "showSkills": ["T"], "address": "T"}}),
        ("qcwy", {"jobId": "ID", "jobName": "T", "fullCompanyName": "T", "jobTags": ["T"], "jobTagsList": [{"jobTagName": "T"}]}),
        (
            "qcwy",
            {"jobId": "ID", "jobName": "T", "address": "T", "jobWelfareCodeDataList": [{"chineseTitle": "T", "code": "ID"}]},
        ),
        ("qcwy", {"coinfo": {"coid": "ID", "coname": "T", "caddr": "T"}}),
        ("zhilian", {"number": "ID", "name": "T", "jobSummary": "T", "skillLabel": [{"value": "T"}], "welfareTagList": ["T"]}),
        (
            "zhilian",
            {
                "number": "ID",
                "positionName": "T",
                "showSkillTags": ["T", {"tag": "T"}],
                "jobDetailData": {
                    "position": {
                        "base": {"positionNumber": "ID", "positionName": "T"},
                        "desc": {"description": "T", "labels": ["T"], "welfareLabel": ["T"]},
                        "workLocation": {"address": "T", "workAddress": "T"},
                    }
                },
            },
        ),
    ],
)
def test_contacts_are_masked_in_raw_answers(site, raw):
    """T: a text that people write, ID: an id of the same digits."""
    text = orjson.dumps(raw).decode().replace('"T"', '"请电联13912345678"').replace('"ID"', '"13912345678"')
    expected = orjson.loads(text.replace("请电联13912345678", "请电联[phone]"))
    job = Job("1", "t", raw=orjson.loads(text))
    strip_personal(make_page(job), PLATFORMS[site])
    assert job.raw == expected


def test_the_content_hash_is_made_of_what_is_kept():
    first, second = Job("1", "销售 13912345678"), Job("1", "销售 13800000000")
    for job in (first, second):
        page = make_page(job)
        strip_personal(page, PLATFORMS["boss"])
        normalize_page(page)
    assert first.title == second.title == "销售 [phone]"
    assert first.content_hash == second.content_hash


@pytest.mark.parametrize(
    ("node", "path", "left"),
    [
        ({"a": 1, "b": 2}, "a", {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, "a.b", {"a": {"c": 2}}),
        ({"a": [{"b": 1, "c": 2}, {"b": 3}, 4]}, "a[].b", {"a": [{"c": 2}, {}, 4]}),
        ({"a": 1}, "a.b.c", {"a": 1}),
        ({"a": None}, "a[].b", {"a": None}),
        ([1], "a", [1]),
    ],
)
def test_drop_path(node, path, left):
    drop_path(node, path.split("."))
    assert node == left


def test_normalised_fields():
    job = Job(
        "1",
        " 数据分析师 ",
        salary_text="15-25K·14薪",
        experience_text="3-5年",
        degree_text="本科",
        city_text="上海",
        district_text="浦东新区",
        company_size_text="100-499人",
        company_stage_text="B轮",
        skills=["SQL", "sql", "3-5年"],
        published_text="昨天",
    )
    assert normalize_page(make_page(job)) == []
    assert job.title == "数据分析师"
    assert (job.salary_low, job.salary_high, job.salary_months, job.salary_unit) == (15000, 25000, 14, "MONTH")
    assert (job.experience_min, job.experience_max, job.degree) == (3, 5, "本科")
    assert (job.city, job.district, job.area_code) == ("上海", "浦东新区", "310115")
    assert (job.company_size_min, job.company_size_max, job.company_stage) == (100, 499, "B轮")
    assert job.skills == ["SQL"]
    assert job.published_at is not None
    assert job.published_at < AT


def test_what_cannot_be_read_is_told_and_never_stops_a_row():
    job = Job("1", "t", salary_text="看心情", experience_text="很多", company_size_text="不少人", city_text="亚特兰蒂斯")
    unreadable = dict(normalize_page(make_page(job)))
    assert unreadable == {"salary": "看心情", "experience": "很多", "company_size": "不少人", "city": "亚特兰蒂斯"}
    assert job.salary_low is None
    assert job.salary_text == "看心情"
    assert job.content_hash


@pytest.mark.parametrize(("searched", "city"), [("上海", "上海"), ("全国", "")])
def test_without_a_city_of_its_own_a_posting_is_where_it_was_searched(searched: str, city: str):
    job = Job("1", "t")
    assert normalize_page(replace(make_page(job), city=searched)) == []
    assert job.city == city


def test_numbers_of_the_site_fill_in_where_the_text_tells_none():
    job = Job("1", "t", salary_text="", monthly_hint=(8000.0, 12000.0))
    normalize_page(make_page(job))
    assert (job.monthly_low, job.monthly_high) == (8000, 12000)


def test_content_hash_follows_the_words_and_nothing_else():
    first, ticket, salary = Job("1", "t", skills=["a", "b"]), Job("1", "t", skills=["b", "a"], ticket={"lid": "9"}), Job("1", "t")
    salary.salary_text = "9-10K"
    normalize_page(make_page(first, ticket, salary))
    assert first.content_hash == ticket.content_hash != salary.content_hash


@given(st.lists(st.text(min_size=1, max_size=3)))
def test_repeats_are_marked_once_and_none_removed(ids):
    page = make_page(*(Job(one, "t") for one in ids))
    seen: set[str] = set()
    assert mark_repeats(page, seen) == len(ids) - len(set(ids))
    assert len(page.jobs) == len(ids)
    assert seen == set(ids)
    assert sum(job.state is not RowState.REPEATED for job in page.jobs) == len(set(ids))


def test_hash_is_the_same_on_every_machine():
    assert hash_content(["数据", ["a"], None]) == hash_content(["数据", ["a"], None])
    assert len(hash_content([])) == 32
