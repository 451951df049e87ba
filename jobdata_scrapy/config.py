"""Everything that comes from the environment, typed, read once, refused early.

`settings.py` reads it into Scrapy settings of the same (upper-case) names; a component takes `Config.from_settings(settings)`,
so that a value given with `-s` is checked by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobdata_scrapy.config_values import (
    check_ca_file,
    check_http_url,
    check_retention_days,
    check_server_settings,
    read_pairs,
)
from jobdata_scrapy.exceptions import ConfigError

SECRET = SecretStr("")
FIELD_COVERAGE = {"title": 1.0, "company_name": 0.9, "salary_text": 0.9, "city": 0.9}
VALUE_TOLD = (
    "int_parsing", "int_from_float", "float_parsing", "bool_parsing", "literal_error", "enum", "finite_number",
    "greater_than", "greater_than_equal", "less_than", "less_than_equal",
)  # fmt: skip
ConfigT = TypeVar("ConfigT", bound="Config")


class Config(BaseSettings):
    """One field a setting; the environment variable has the same name in upper case. docs/settings.md explains each."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    # where things are kept
    jobdata_dir: Path = Path("data")
    database_url: SecretStr = SECRET
    run_migrations_on_startup: bool = True
    clickhouse_host: str = ""
    clickhouse_port: int = Field(default=8123, ge=1, le=65535)
    clickhouse_user: str = "default"
    clickhouse_pass: SecretStr = SECRET
    clickhouse_db: str = Field(default="job_data", pattern=r"^[A-Za-z_]\w*$")
    clickhouse_secure: bool = False
    clickhouse_verify: bool = True
    clickhouse_ca_file: str = ""
    clickhouse_compression: Literal["lz4", "zstd", "gzip", "none"] = "lz4"
    clickhouse_connections: int = Field(default=8, ge=1, le=256)
    clickhouse_settings: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    clickhouse_cluster: str = Field(default="", pattern=r"^[\w.-]*$")
    retention_days: Annotated[dict[str, int], NoDecode] = Field(default_factory=dict)
    closed_after_rounds: int = Field(default=2, ge=1, le=100)
    closed_wait_days: int = Field(default=30, ge=1, le=3650)
    local_server_idle_seconds: float = Field(default=300, gt=0)
    spool_max_mb: int = Field(default=512, ge=0)

    # how fast, how far
    sleep_min_seconds: float | None = Field(default=None, ge=0)
    sleep_max_seconds: float | None = Field(default=None, ge=0)
    keywords_in_hand: int = Field(default=4, ge=1, le=256)
    max_pages: int = Field(default=0, ge=0)

    # what processes hold for a while: keywords, tokens, exits, locks
    keyword_lease_seconds: float = Field(default=300, ge=1)
    keyword_max_attempts: int = Field(default=5, ge=1)
    keyword_backoff_seconds: float = Field(default=300, ge=0)
    token_key: SecretStr = SECRET
    token_lease_seconds: float = Field(default=300, ge=1)
    exit_lease_seconds: float = Field(default=60, ge=1)
    exits_per_process: int = Field(default=1, ge=1, le=256)
    site_requests_in_flight: int = Field(default=0, ge=0)
    exit_wait_seconds: float = Field(default=600, ge=0)
    exit_cooldown_seconds: float = Field(default=600, ge=0)
    lock_seconds: float = Field(default=900, ge=0)
    daily_page_budget: int | None = Field(default=None, ge=0)

    # the way out
    proxy_url: SecretStr = SECRET
    proxy_scheme: Literal["http", "https", "socks5", "socks5h"] = "http"
    proxy_tunnel: str = ""
    proxy_username: SecretStr = SECRET
    proxy_password: SecretStr = SECRET
    proxy_tunnel_sessions: int = Field(default=1, ge=1, le=1000)
    proxy_tunnel_username_template: str = "{username}-session-{session}"
    proxy_list: SecretStr = SECRET
    proxy_file: str = ""
    proxy_provider_url: SecretStr = SECRET
    proxy_refresh_seconds: float = Field(default=300, ge=5)

    # the sites
    sandbox: str = ""
    site_base_urls: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    boss_mpt_token: SecretStr = SECRET
    boss_sign_js: str = ""
    qcwy_sign_key: SecretStr = SECRET

    # pages that need a browser
    browser_executable: str = "/usr/bin/chromium"

    # when to end
    drain_file: str = ""
    drain_url: str = ""
    drain_poll_seconds: float = Field(default=5, gt=0)

    # what a run must look like
    monitor_field_coverage: Annotated[dict[str, float], NoDecode] = Field(default_factory=lambda: dict(FIELD_COVERAGE))
    monitor_block_ratio: float = Field(default=0.2, ge=0, le=1)
    monitor_history_rounds: int = Field(default=5, ge=0, le=100)
    monitor_tolerance: float = Field(default=0.5, gt=0, le=1)
    monitor_duration_factor: float = Field(default=5, gt=1)
    empty_believed_after: int = Field(default=3, ge=0, le=100)

    @field_validator("sandbox", "drain_url")
    @classmethod
    def _check_sandbox(cls, value: str) -> str:
        return check_http_url(value) if value else value

    @field_validator("proxy_provider_url")
    @classmethod
    def _check_provider_url(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if value and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise ValueError("is not an http(s) URL")  # its value may hold a key
        return value

    @field_validator("proxy_tunnel_username_template")
    @classmethod
    def _check_username_template(cls, value: str) -> str:
        try:
            differs = value.format(username="", session="1") != value.format(username="", session="2")
        except (LookupError, ValueError, AttributeError):
            differs = False
        if not differs:
            raise ValueError(
                f"{value!r} must hold {{session}}, and may hold {{username}}, such as {{username}}-session-{{session}}"
            )
        return value

    @field_validator("site_base_urls", mode="before")
    @classmethod
    def _read_site_base_urls(cls, value: object) -> object:
        """Accepts a dict or `boss=http://...,qcwy=http://...`."""
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return {name.strip(): check_http_url(url.strip()) for name, _, url in pairs}

    @field_validator("monitor_field_coverage", "clickhouse_settings", "retention_days", mode="before")
    @classmethod
    def _read_pairs(cls, value: object) -> object:
        """Accepts a dict or `title=1,city=0.9`."""
        return read_pairs(value)

    _check_ca_file = field_validator("clickhouse_ca_file")(check_ca_file)
    _check_server_settings = field_validator("clickhouse_settings")(check_server_settings)
    _check_retention_days = field_validator("retention_days")(check_retention_days)

    @field_validator("monitor_field_coverage")
    @classmethod
    def _check_field_coverage(cls, value: dict[str, float]) -> dict[str, float]:
        for name, share in value.items():
            if name not in FIELD_COVERAGE or not 0 <= share <= 1:
                raise ValueError(f"{name}={share:g} must be one of {', '.join(FIELD_COVERAGE)} with a share from 0 to 1")
        return value

    @model_validator(mode="after")
    def _check_sleep_range(self) -> Self:
        low, high = self.pause_range()
        if low > high:
            raise ValueError(f"SLEEP_MIN_SECONDS ({low:g}) must not be greater than SLEEP_MAX_SECONDS ({high:g})")
        return self

    @model_validator(mode="after")
    def _check_server_only(self) -> Self:
        if self.clickhouse_ca_file and not self.clickhouse_secure:
            raise ValueError("CLICKHOUSE_CA_FILE is for HTTPS: set CLICKHOUSE_SECURE=true too")
        if self.clickhouse_cluster and not self.clickhouse_host:
            raise ValueError("CLICKHOUSE_CLUSTER needs a server: set CLICKHOUSE_HOST too")
        return self

    @classmethod
    def from_environment(cls) -> Self:
        """Reads environment and `.env`. Raises ConfigError naming each wrong variable."""
        return _build(cls, {})

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Reads Scrapy settings (upper-case names). Raises ConfigError naming each wrong setting."""
        given = {name: settings[name.upper()] for name in cls.model_fields if settings.get(name.upper()) is not None}
        return _build(cls, given)

    def as_settings(self) -> dict[str, Any]:
        """Upper-case names to values; secrets stay `SecretStr`, so that a dump of the settings shows none."""
        return {name.upper(): getattr(self, name) for name in type(self).model_fields}

    def pause_range(self) -> tuple[float, float]:
        """Least and most seconds between two requests of one exit: 10 and 20, none against the sandbox, unless set."""
        low, high = (0.0, 0.0) if self.sandbox else (10.0, 20.0)
        if self.sleep_min_seconds is not None:
            low, high = self.sleep_min_seconds, max(high, self.sleep_min_seconds)
        if self.sleep_max_seconds is not None:
            high = self.sleep_max_seconds
        return low, high

    def page_budget(self) -> int:
        """Pages the whole fleet asks of one site a day: 5000, no limit (0) against the sandbox, unless set."""
        if self.daily_page_budget is not None:
            return self.daily_page_budget
        return 0 if self.sandbox else 5000

    def base_url(self, platform: str, live: str, host: str = "") -> str:
        """The base URL of a site, or of a further `host` of it ("zhilian-www"): SITE_BASE_URLS, else the sandbox, else `live`."""
        name = f"{platform}-{host}" if host else platform
        if name in self.site_base_urls:
            return self.site_base_urls[name]
        return f"{self.sandbox.rstrip('/')}/{name}" if self.sandbox else live


def secret_value(value: object) -> str:
    """The text behind a setting that may be a `SecretStr` (environment) or a plain string (`-s`)."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")


def _build(cls: type[ConfigT], given: dict[str, Any]) -> ConfigT:
    try:
        return cls(**given)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(one) for one in error.errors(include_url=False))) from None


def _explain(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"]).upper() or "settings"
    allowed = error["msg"].removeprefix("Input should be ").partition(", unable to")[0]
    if (
        error["type"] in VALUE_TOLD and allowed != error["msg"]
    ):  # a number, a switch, one of some words: no secret is one of these
        return f"{name}: {error['input']!r} is not allowed; allowed: {allowed}"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"
