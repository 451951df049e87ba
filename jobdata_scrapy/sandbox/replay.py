"""Captured answers instead of made-up ones: a folder of JSON files named `<site>_<what>_<n>.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from jobdata_scrapy.sandbox.sites.contract import Ask

SITE_BY_PREFIX = {"boss": "boss", "51job": "qcwy", "qcwy": "qcwy", "zhilian": "zhilian"}

ROW_PLACES = ("zpData.jobList", "zpData.list", "resultbody.job.items", "data.list", "positionList", "list", "items")


@dataclass(slots=True)
class Capture:
    """One list file: its envelope as captured (None where the file holds rows only) and its rows."""

    rows: list[dict[str, Any]]
    envelope: dict[str, Any] | None


@dataclass(slots=True)
class Replay:
    """Lists, details and companies by site. `left_out`: (file name, why) for each file that is not served."""

    lists: dict[str, list[Capture]] = field(default_factory=lambda: {"boss": [], "qcwy": [], "zhilian": []})
    details: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    companies: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> Replay:
        """Reads every `*.json` of a folder, in the order of their names."""
        replay = cls()
        for path in sorted(folder.glob("*.json")):
            replay.add(path.name, path.read_bytes())
        return replay

    def add(self, name: str, body: bytes) -> None:
        """Takes one file in, or notes why not."""
        site = SITE_BY_PREFIX.get(name.partition("_")[0])
        if site is None:
            self.left_out.append((name, "its name tells no site"))
            return
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            self.left_out.append((name, "not JSON"))
            return
        if not isinstance(content, dict) or not self._place(site, content):
            self.left_out.append((name, "holds no posting or company in today's wire shape"))

    def page(self, ask: Ask) -> dict[str, Any]:
        """The list page, whatever keyword is asked. boss and zhilian page by a flag: a file is a page. qcwy pages by its total:
        the rows of all its files are one window, cut by the page size."""
        number = ask.page or 1
        captures = self.lists[ask.site]
        if ask.site == "qcwy":
            return self._qcwy_page(number, ask.size)
        capture = captures[number - 1] if number <= len(captures) else Capture([], None)
        more = number < len(captures)
        return _boss_page(capture, more) if ask.site == "boss" else _zhilian_page(capture, more, self.count_rows("zhilian"))

    def detail(self, site: str, job_id: str) -> dict[str, Any] | None:
        """The captured detail answer of a posting, None where there is none."""
        return self.details.get((site, job_id))

    def company(self, site: str, company_id: str) -> dict[str, Any] | None:
        """The captured company answer, None where there is none."""
        return self.companies.get((site, company_id))

    def ids(self, site: str) -> list[str]:
        """Distinct ids of all rows that have one, in order."""
        found = (row_id(site, row) for capture in self.lists[site] for row in capture.rows)
        return list(dict.fromkeys(one for one in found if one))

    def count_rows(self, site: str) -> int:
        """Rows of all files."""
        return sum(len(capture.rows) for capture in self.lists[site])

    def _qcwy_page(self, number: int, size: int) -> dict[str, Any]:
        rows = [row for capture in self.lists["qcwy"] for row in capture.rows]
        job = {"items": rows[(number - 1) * size : number * size], "totalCount": len(rows), "totalcount": len(rows)}
        return {"status": "1", "message": "成功", "resultbody": {"searchType": 2, "requestId": "replay", "job": job}}

    def _place(self, site: str, content: dict[str, Any]) -> bool:
        rows = find_rows(content)
        if any(row_id(site, row) for row in rows):
            envelope = content if {"zpData", "data"} & content.keys() else None
            self.lists[site].append(Capture(rows, envelope))
            return True
        return self._place_detail(site, content) or self._place_companies(site, rows)

    def _place_detail(self, site: str, content: dict[str, Any]) -> bool:
        data = content.get("zpData" if site == "boss" else "data")
        posting = data.get("jobBaseInfoVO" if site == "boss" else "detailedPosition") if isinstance(data, dict) else None
        names = ("encryptJobId",) if site == "boss" else ("number", "positionNumber")
        job_id = next((posting[name] for name in names if posting.get(name)), None) if posting else None
        if job_id is None:
            return False
        self.details[site, str(job_id)] = _without_notes(content)
        return True

    def _place_companies(self, site: str, rows: list[dict[str, Any]]) -> bool:
        found = {
            row["encryptBrandId"]: row for row in rows if site == "boss" and row.get("encryptBrandId") and row.get("comName")
        }
        self.companies |= {(site, name): {"code": 0, "message": "Success", "zpData": row} for name, row in found.items()}
        return bool(found)


def find_rows(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a captured list, whatever stands around them; a file of one row is a list of one."""
    for place in ROW_PLACES:
        node: Any = content
        for name in place.split("."):
            node = node.get(name) if isinstance(node, dict) else None
        if isinstance(node, list):
            return [row for row in node if isinstance(row, dict)]
    return [_without_notes(content)]


def row_id(site: str, row: dict[str, Any]) -> str:
    """The id of a row in today's shape of its site, "" for any other row (among them the shapes of 2017-2021)."""
    if site == "boss":
        return str(row["encryptJobId"]) if row.get("encryptJobId") and row.get("jobName") else ""
    if site == "qcwy":
        return str(row["jobId"]) if row.get("jobId") and row.get("jobName") else ""
    if row.get("number") and row.get("name"):
        return str(row["number"])
    node: Any = row
    for name in ("jobDetailData", "position", "base", "positionNumber"):
        node = node.get(name) if isinstance(node, dict) else None
    return str(node or "")


def _boss_page(capture: Capture, more: bool) -> dict[str, Any]:
    if capture.envelope is None:
        return {"code": 0, "message": "Success", "zpData": {"list": capture.rows, "hasMore": more}}
    envelope = _without_notes(capture.envelope)
    return envelope | {"zpData": envelope["zpData"] | {"hasMore": more}}


def _zhilian_page(capture: Capture, more: bool, total: int) -> dict[str, Any]:
    envelope = _without_notes(capture.envelope or {"code": 200, "apiCode": 200, "data": {"list": capture.rows}})
    return envelope | {"data": envelope["data"] | {"count": total, "isEndPage": int(not more)}}


def _without_notes(content: dict[str, Any]) -> dict[str, Any]:
    """Keys that start with "_" were added by whoever kept the file."""
    return {key: value for key, value in content.items() if not key.startswith("_")}
