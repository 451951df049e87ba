"""Questions about the postings, answered while one looks: `ask(client, "salary", filters)`, or the typed functions themselves.

`questions/` holds a file per question; `refresh` keeps what they read (docs/analytics.md says how).
"""

from jobdata_scrapy.warehouse.analytics.registry import QUESTIONS, Answer, Question, ask

__all__ = ["QUESTIONS", "Answer", "Question", "ask"]
