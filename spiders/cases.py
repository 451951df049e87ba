"""Test cases of a site: a folder each, data only. Shared by the tests and by `scrapy checkall`.

`<case>/case.json` has a `kind` and what is `expected`; `<case>/answer.*` is the answer's body, byte for byte.

search, detail, html, company, detail_batch, verdict: `status` (200), `headers`, `url`, `page` (1), `count` (detail_batch),
    `page_kind` (verdict). Each is judged first: `expected.verdict` (OK) must come out. Then it is parsed, unless the verdict
    forbids it, and each value under `expected` must be found in the result; `expected.error` is the field of the ParseError.
request: `call` (search | detail | html | detail_batch | company) with `query` and `page`, `jobs`, or `company_id`;
    expected: params ...
sign: `spec` and `context`; expected: the signed headers, params, target. Every stage is written down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobdata_scrapy.exceptions import ParseError
from jobdata_scrapy.items import Job
from jobdata_scrapy.platform import Answer, PageKind, Platform, Query, RequestSpec, SignContext, Verdict

PARSED = {Verdict.OK, Verdict.EMPTY, Verdict.CAPPED}
CONTENT_TYPES = {".json": "application/json", ".html": "text/html"}


@dataclass(frozen=True, slots=True)
class Case:
    """One folder. `data` is its case.json, `body` the content of its answer file (b"" without one)."""

    name: str
    kind: str
    data: dict[str, Any]
    body: bytes = b""
    suffix: str = ""

    def answer(self) -> Answer:
        """The HTTP answer the case describes."""
        headers = {"content-type": CONTENT_TYPES.get(self.suffix, "text/plain"), **self.data.get("headers", {})}
        kind = PageKind(self.data.get("page_kind", PageKind.SEARCH) if self.kind == "verdict" else self.kind)
        return Answer(self.data.get("status", 200), headers, self.body, kind, self.data.get("url", ""))


@dataclass(frozen=True, slots=True)
class Site:
    """One registered site: its contract, its folder below spiders/ and the folder of its cases."""

    name: str
    platform: Platform
    folder: Path
    cases_folder: Path

    def cases(self) -> list[Case]:
        """The site's cases; none where the folder is missing."""
        return load_cases(self.cases_folder) if self.cases_folder.is_dir() else []


def load_cases(folder: Path) -> list[Case]:
    """The cases below `folder`, by name. Raises ValueError for a folder without a usable case.json."""
    return [_load_case(path) for path in sorted(folder.iterdir()) if path.is_dir()]


def run_case(platform: Platform, case: Case) -> list[str]:
    """What differs from the case's expectation, one line each; empty when all is as expected."""
    expected = dict(case.data["expected"])
    try:
        actual = _CHECKS[case.kind](platform, case)
    except ParseError as error:
        actual = {"verdict": expected.get("verdict", Verdict.OK.value), "error": error.field}
    if case.kind not in ("request", "sign"):
        expected.setdefault("verdict", Verdict.OK.value)
    if "error" in actual:
        expected.setdefault("error", "")
    return list(compare(expected, actual, ""))


def compare(expected: Any, actual: Any, path: str) -> Iterator[str]:
    """Differences of what is expected; an object may have more fields than are expected of it, a list no more items."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            below = f"{path}.{name}" if path else name
            if name in actual:
                yield from compare(value, actual[name], below)
            else:
                yield f"{below}: missing, expected {value!r}"
    elif isinstance(expected, list) and isinstance(actual, (list, tuple)):
        if len(expected) != len(actual):
            yield f"{path}: {len(actual)} items, expected {len(expected)}"
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from compare(one, other, f"{path}[{index}]")
    elif expected != actual:
        yield f"{path}: {actual!r}, expected {expected!r}"


def _load_case(folder: Path) -> Case:
    data = json.loads((folder / "case.json").read_text("utf-8"))
    if data.get("kind") not in _CHECKS or not isinstance(data.get("expected"), dict):
        raise ValueError(f"{folder.name}/case.json: needs expected and a kind out of {', '.join(_CHECKS)}")
    answers = sorted(folder.glob("answer.*"))
    if not answers:
        return Case(folder.name, data["kind"], data)
    return Case(folder.name, data["kind"], data, answers[0].read_bytes(), answers[0].suffix)


def _check_verdict(platform: Platform, case: Case) -> dict[str, Any]:
    return {"verdict": platform.verdict(case.answer()).value}


def _check_search(platform: Platform, case: Case) -> dict[str, Any]:
    return _judge_then(platform, case, lambda: asdict(platform.parse_search(case.body, case.data.get("page", 1))))


def _check_detail(platform: Platform, case: Case) -> dict[str, Any]:
    parse = _required(platform.parse_detail, "parse_detail")
    return _judge_then(platform, case, lambda: asdict(parse(case.body)))


def _check_html(platform: Platform, case: Case) -> dict[str, Any]:
    parse = _required(platform.parse_html, "parse_html")
    return _judge_then(platform, case, lambda: asdict(parse(case.body)))


def _check_company(platform: Platform, case: Case) -> dict[str, Any]:
    parse = _required(platform.parse_company, "parse_company")
    return _judge_then(platform, case, lambda: {"company": asdict(parse(case.body))})


def _check_detail_batch(platform: Platform, case: Case) -> dict[str, Any]:
    split = _required(platform.split_detail_batch, "split_detail_batch")

    def judge_parts() -> dict[str, Any]:
        parts = split(case.body, case.data["count"])
        return {"parts": [None if part is None else _judge_part(platform, part) for part in parts]}

    return _judge_then(platform, case, judge_parts)


def _judge_part(platform: Platform, body: bytes) -> dict[str, Any]:
    verdict = platform.verdict(Answer(200, {}, body, PageKind.DETAIL))
    parse = _required(platform.parse_detail, "parse_detail")
    return {"verdict": verdict.value, **(asdict(parse(body)) if verdict in PARSED else {})}


def _check_request(platform: Platform, case: Case) -> dict[str, Any]:
    call, data = case.data["call"], case.data
    if call == "search":
        query = data["query"]
        filters = tuple((name, code) for name, code in query.get("filters", []))
        spec = platform.search_request(Query(query["keyword"], query["city"], query["city_code"], filters), data.get("page", 1))
    elif call == "company":
        spec = _required(platform.company_request, "company_request")(data["company_id"])
    elif call == "html":
        spec = _required(platform.html_request, "html_request")(Job(**data["jobs"][0]))
    elif call == "detail":
        spec = _required(platform.detail_request, "detail_request")(Job(**data["jobs"][0]))
    else:
        spec = _required(platform.detail_batch_request, "detail_batch_request")([Job(**job) for job in data["jobs"]])
    return _describe_spec(spec)


def _check_sign(platform: Platform, case: Case) -> dict[str, Any]:
    given = case.data["spec"]
    spec = RequestSpec(
        page_kind=PageKind(given["page_kind"]),
        path=given["path"],
        method=given.get("method", "GET"),
        params=tuple((name, value) for name, value in given.get("params", [])),
        headers=tuple((name, value) for name, value in given.get("headers", [])),
        body=given.get("body", "").encode(),
    )
    return _describe_spec(platform.sign(spec, SignContext(**case.data["context"])))


def _describe_spec(spec: RequestSpec) -> dict[str, Any]:
    described = {**asdict(spec), "body": spec.body.decode(), "target": spec.target}
    return {**described, "params": [list(pair) for pair in spec.params], "headers": [list(pair) for pair in spec.headers]}


def _judge_then(platform: Platform, case: Case, parse: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    verdict = platform.verdict(case.answer())
    return {"verdict": verdict.value, **(parse() if verdict in PARSED else {})}


def _required(function: Any, name: str) -> Any:
    if function is None:
        raise ValueError(f"the site has no {name}")
    return function


_CHECKS: dict[str, Callable[[Platform, Case], dict[str, Any]]] = {
    "search": _check_search,
    "detail": _check_detail,
    "html": _check_html,
    "company": _check_company,
    "detail_batch": _check_detail_batch,
    "verdict": _check_verdict,
    "request": _check_request,
    "sign": _check_sign,
}
