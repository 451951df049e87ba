from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobdata_scrapy.normalize.skills import MAX_SKILL_LENGTH, clean_skills


def test_each_skill_stays_once_in_its_first_spelling_and_order() -> None:
    assert clean_skills(["Python", " SQL ", "python", "", "  ", "数据  分析", "SQL"]) == ["Python", "SQL", "数据 分析"]


def test_experience_and_degree_among_the_skills_are_dropped() -> None:
    assert clean_skills(["3-5年", "本科", "Java"], drop=("3-5年", "本科", "")) == ["Java"]


def test_a_sentence_among_the_skills_is_cut() -> None:
    assert clean_skills(["x" * 200]) == ["x" * MAX_SKILL_LENGTH]


@given(st.lists(st.text(max_size=80)), st.lists(st.text(max_size=10), max_size=3))
def test_cleaning_again_changes_nothing(values: list[str], drop: list[str]) -> None:
    skills = clean_skills(values, drop)

    assert clean_skills(skills, drop) == skills
    assert all(skill and skill == skill.strip() and len(skill) <= MAX_SKILL_LENGTH for skill in skills)
