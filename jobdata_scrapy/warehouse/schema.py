"""Makes and upgrades the tables: `schema/NNN_name[.platform|.view].sql`, each applied once and recorded in `schema_version`.

`.platform` files are made once a platform (`${platform}`); `.view` files hold the SELECT of one platform, joined by UNION ALL
over all platforms and made anew when a platform is added. Every statement may run twice, so that several processes may apply
the schema at the same moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from string import Template

from jobdata_scrapy.warehouse.client import WarehouseClient

PLATFORMS = ("boss", "qcwy", "zhilian")  # always there; a further site's tables are made at its first page
PLATFORM_NAME = re.compile(r"[a-z][a-z0-9_]*")
VERSION_TABLE = """
CREATE TABLE IF NOT EXISTS schema_version (version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'))
ENGINE = ReplacingMergeTree ORDER BY (version, name)"""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement to apply. name: `001_job/boss`, as `schema_version` keeps it."""

    version: int
    name: str
    sql: str


def apply_schema(client: WarehouseClient, platforms: Iterable[str] = PLATFORMS) -> list[str]:
    """Makes what is missing for `platforms` and those made before; the names of the steps applied, [] when all is up to date."""
    client.command(VERSION_TABLE)
    applied = {name for (name,) in client.query("SELECT name FROM schema_version").result_rows}
    done = []
    for step in plan_steps(set(platforms) | platforms_of(applied)):
        if step.name not in applied:
            client.command(step.sql)
            client.command(f"INSERT INTO schema_version (version, name) VALUES ({step.version}, '{step.name}')")  # noqa: S608
            done.append(step.name)
    return done


def schema_version(client: WarehouseClient) -> int:
    """The highest version applied, 0 for a database without our tables."""
    if not client.command("EXISTS TABLE schema_version"):
        return 0
    return int(client.command("SELECT max(version) FROM schema_version"))


def platforms_of(applied: Iterable[str]) -> set[str]:
    """The platforms that have tables, read from the names of the steps applied."""
    return {name.partition("/")[2] for name in applied if "/" in name and not name.endswith(".view")}


def plan_steps(platforms: Iterable[str]) -> Iterator[Step]:
    """All steps in order. Raises ValueError for a name that cannot be part of a table's."""
    names = sorted(set(platforms))
    if wrong := next((name for name in names if not PLATFORM_NAME.fullmatch(name)), None):
        raise ValueError(f"platform {wrong!r}: only a-z, 0-9 and _, beginning with a letter")
    for file_name, text in read_files():
        stem, _, kind = file_name.removesuffix(".sql").partition(".")
        version = int(stem.partition("_")[0])
        rendered = {name: Template(text).substitute(platform=name) for name in names}
        if kind == "platform":
            yield from (Step(version, f"{stem}/{name}", sql) for name, sql in rendered.items())
        elif kind == "view" and names:
            head = f"CREATE OR REPLACE VIEW {stem.partition('_')[2]} AS\n"
            yield Step(version, f"{stem}/{'+'.join(names)}.view", head + "\nUNION ALL\n".join(rendered.values()))
        elif not kind:
            yield Step(version, stem, text)


def read_files() -> list[tuple[str, str]]:
    """(file name, text) of the schema files, in order."""
    folder = resources.files("jobdata_scrapy.warehouse") / "schema"
    return sorted((file.name, file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".sql"))
