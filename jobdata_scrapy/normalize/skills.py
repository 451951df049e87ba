"""Skill words of a posting."""

from __future__ import annotations

from collections.abc import Iterable

MAX_SKILL_LENGTH = 64


def clean_skills(values: Iterable[str], drop: Iterable[str] = ()) -> list[str]:
    """`values` in their order and first spelling, each once (case aside), white space tidied, cut to 64 characters.

    drop: texts that stand among the skills but are none (a site repeats experience and degree there). Never raises.
    """
    seen = {_tidy_word(word).casefold() for word in drop}
    seen.add("")
    skills: list[str] = []
    for value in values:
        word = _tidy_word(value)
        key = word.casefold()
        if key not in seen:
            seen.add(key)
            skills.append(word)
    return skills


def _tidy_word(word: str) -> str:
    return " ".join(word.split())[:MAX_SKILL_LENGTH].rstrip()
