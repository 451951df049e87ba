"""Skill words of a posting."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

MAX_SKILL_LENGTH = 64


def clean_skills(values: Iterable[str], drop: Iterable[str] = ()) -> list[str]:
    """`values` in their order and first spelling, each once (case aside), white space tidied, cut to 64 characters.

    drop: texts that stand among the skills but are none (a site repeats experience and degree there). Never raises.
    """
    seen = {_tidy_word(word)[1] for word in drop}
    seen.add("")
    skills: list[str] = []
    for value in values:
        word, key = _tidy_word(value)
        if key not in seen:
            seen.add(key)
            skills.append(word)
    return skills


@lru_cache(maxsize=4096)
def _tidy_word(word: str) -> tuple[str, str]:
    """The word tidied, and what tells it from others. The same few words stand in most postings."""
    tidy = " ".join(word.split())[:MAX_SKILL_LENGTH].rstrip()
    return tidy, tidy.casefold()
