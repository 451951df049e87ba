"""What `POST /_control` and `--scenario` take: rules of faults, changed searches, switches. Wrong input gets one line."""

from __future__ import annotations

from typing import Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from jobdata_scrapy.sandbox.data import COUNTRY, city_names

SITES = ("boss", "qcwy", "zhilian")
SiteName = Literal["boss", "qcwy", "zhilian"]
Kind = Literal["search", "detail", "detail_batch", "company", "html", "robots", "*"]
API_KINDS = frozenset({"search", "detail", "detail_batch", "company"})
POSTINGS = frozenset({"search", "detail", "detail_batch"})
PAGES = API_KINDS | {"html"}
ANY = PAGES | {"robots"}
BODY_CODES = frozenset({1, 7, 9, 17, 19, 31, 35, 36, 37, 100, 121, 122})

Fault = Literal[
    "block", "captcha", "captcha_redirect", "expired_token", "rejected_signature", "rate_limited", "freq_limit", "server_error",
    "slow", "dropped", "truncated", "renamed", "retyped", "empty", "empty_silent", "capped", "bad_rows", "ban_address",
    "ban_token", "robots_refuse", "robots_error", "robots_captcha", "gone",
]  # fmt: skip

# fault -> (page kinds it can hit, parameters it takes)
FAULTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "block": (ANY, frozenset({"code", "subcalls"})),
    "captcha": (ANY, frozenset()),
    "captcha_redirect": (ANY, frozenset()),
    "expired_token": (API_KINDS, frozenset({"subcalls"})),
    "rejected_signature": (API_KINDS, frozenset({"code", "subcalls"})),
    "rate_limited": (ANY, frozenset({"retry_after"})),
    "freq_limit": (API_KINDS, frozenset({"code", "subcalls"})),
    "server_error": (ANY, frozenset({"status"})),
    "slow": (ANY, frozenset({"seconds"})),
    "dropped": (ANY, frozenset({"amid"})),
    "truncated": (PAGES, frozenset()),
    "renamed": (PAGES, frozenset({"subcalls"})),
    "retyped": (PAGES, frozenset({"subcalls"})),
    "empty": (frozenset({"search"}), frozenset()),
    "empty_silent": (frozenset({"search"}), frozenset()),
    "capped": (frozenset({"search"}), frozenset({"cap"})),
    "bad_rows": (frozenset({"search"}), frozenset({"rows"})),
    "ban_address": (PAGES, frozenset({"seconds"})),
    "ban_token": (API_KINDS, frozenset({"seconds", "code"})),
    "robots_refuse": (frozenset({"robots"}), frozenset()),
    "robots_error": (frozenset({"robots"}), frozenset({"status"})),
    "robots_captcha": (frozenset({"robots"}), frozenset()),
    "gone": (frozenset({"detail", "detail_batch", "company", "html"}), frozenset({"subcalls"})),
}
BOSS_ONLY = {"ban_token": "has a session token", "subcalls": "has batches", "code": "tells a code"}
NEEDS_SECONDS = frozenset({"slow"})


class ControlError(ValueError):
    """The control document is wrong. One line: field, value, what is allowed."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Rule(_Strict):
    """One fault: which requests it hits, and how (docs/sandbox.md lists every fault with its parameters)."""

    site: Literal["boss", "qcwy", "zhilian", "*"] = "*"
    kind: Kind = "*"
    fault: Fault
    pages: list[int] | None = Field(default=None, min_length=1)
    keyword: str | None = None
    token: str | None = Field(default=None, min_length=1, repr=False)
    address: str | None = None
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=1)
    code: int | None = None
    retry_after: int = Field(default=30, ge=0, le=86400)
    seconds: float | None = Field(default=None, gt=0, le=86400)
    status: int | None = Field(default=None, ge=400, le=599)
    cap: int = Field(default=20, ge=1)
    rows: int = Field(default=1, ge=1)
    amid: bool = False
    subcalls: list[int] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _check_fault(self) -> Self:
        kinds, parameters = FAULTS[self.fault]
        if self.kind != "*" and self.kind not in kinds:
            raise ValueError(f"fault {self.fault!r} cannot hit kind {self.kind!r}; allowed: {_listed(kinds)}")
        every = frozenset().union(*(one for _, one in FAULTS.values()))
        for name in sorted(self.model_fields_set & every - parameters):
            raise ValueError(f"fault {self.fault!r} takes no {name!r}; allowed: {_listed(parameters) or 'no parameter'}")
        if self.fault in NEEDS_SECONDS and self.seconds is None:
            raise ValueError(f"fault {self.fault!r} needs 'seconds' (more than 0)")
        if self.code is not None and self.code not in BODY_CODES:
            raise ValueError(f"code {self.code} is none that boss tells; allowed: {_listed(BODY_CODES)}")
        self._check_boss_only()
        return self

    def _check_boss_only(self) -> None:
        for name, reason in BOSS_ONLY.items():
            used = self.fault == name or getattr(self, name, None) is not None
            if used and self.site in ("qcwy", "zhilian"):
                raise ValueError(f"{name!r} is for site 'boss' only: no other site {reason}")
        if self.subcalls is not None and self.kind != "detail_batch":
            raise ValueError("'subcalls' needs kind 'detail_batch'")
        if self.fault == "expired_token" and self.site == "qcwy":
            raise ValueError("fault 'expired_token' cannot hit site 'qcwy', which has no token; allowed: boss, zhilian, *")


class _Search(_Strict):
    site: SiteName
    keyword: str
    city: str = COUNTRY

    @field_validator("city")
    @classmethod
    def _check_city(cls, value: str) -> str:
        known = {name for site in SITES for name in city_names(site).values()}
        if value not in known:
            raise ValueError(f"{value!r} is no known city; use a national name such as 上海")
        return value


class Mutation(_Search):
    """Changes a search: `remove` postings from its front, the salary of the next `change_salary`, `add` new ones in front."""

    change_salary: int = Field(default=0, ge=0)
    add: int = Field(default=0, ge=0, le=10000)
    remove: int = Field(default=0, ge=0)


class Total(_Search):
    """Gives a search exactly `total` postings."""

    total: int = Field(ge=0, le=20000)


class Control(_Strict):
    """One control document. Applied in this order: reset, require_stoken, total, mutate, rules."""

    reset: bool = False
    require_stoken: bool | None = None
    total: list[Total] = Field(default_factory=list)
    mutate: list[Mutation] = Field(default_factory=list)
    rules: list[Rule] = Field(default_factory=list)


def read_control(body: bytes) -> Control:
    """Reads a control document, one rule, or a list of rules. Raises ControlError."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ControlError(f"not JSON: {error}") from None
    if isinstance(given, list):
        given = {"rules": given}
    elif isinstance(given, dict) and "fault" in given:
        given = {"rules": [given]}
    if not isinstance(given, dict):
        raise ControlError("must be a rule, a list of rules or a control document (a JSON object)")
    for name in ("total", "mutate"):
        if isinstance(given.get(name), dict):
            given[name] = [given[name]]
    try:
        return Control.model_validate(given)
    except ValidationError as error:
        lines = "; ".join(_explain(one) for one in error.errors(include_url=False))
        raise ControlError(" ".join(lines.split())) from None


def _explain(error: Any) -> str:
    location = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{location}: unknown field; allowed: {_listed(_model_at(error['loc']).model_fields)}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "literal_error":
        return f"{location}: {error['input']!r} is unknown; allowed: {message}"
    return f"{location}: {message}" if location else str(message)


def _model_at(location: tuple[str | int, ...]) -> type[BaseModel]:
    models: dict[str | int, type[BaseModel]] = {"rules": Rule, "mutate": Mutation, "total": Total}
    return models[location[0]] if len(location) > 1 else Control


def _listed(names: Any) -> str:
    return ", ".join(str(name) for name in sorted(names))
