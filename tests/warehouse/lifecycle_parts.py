"""Histories of postings in days: what the rule is tried on, in Python and in SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jobdata_scrapy.warehouse.client import WarehouseClient
from jobdata_scrapy.warehouse.lifecycle_rule import Gone, Lifecycle, LifecycleRule, Pass, Search, Sighting, judge_lifecycle

CITY = "上海"


@dataclass
class History:
    """One posting. Moments are days after `start`, fractions allowed; now is day `today`.

    rounds: search -> (began, ended) of its complete rounds; sightings: search -> (day, round); gone: (day, round).
    """

    rounds: dict[str, list[tuple[float, float]]]
    sightings: dict[str, list[tuple[float, str]]]
    gone: list[tuple[float, str]] = field(default_factory=list)
    today: float = 100.0
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def at(self, day: float) -> datetime:
        """The moment, to the second."""
        return self.now - timedelta(seconds=round((self.today - day) * 86400))

    def day(self, moment: datetime | None) -> float | None:
        """The other way round."""
        return None if moment is None else round(self.today - (self.now - moment).total_seconds() / 86400, 4)

    def judge(self, rule: LifecycleRule, pruned_until: datetime | None = None) -> Lifecycle:
        """What the rule in Python says, a second later than the last moment."""
        return judge_lifecycle(
            [Sighting(self.at(day), search, CITY, round) for search, rows in self.sightings.items() for day, round in rows],
            self.passes(),
            [Gone(self.at(day), round) for day, round in self.gone],
            rule,
            self.now + timedelta(seconds=1),
            pruned_until,
        )

    def passes(self) -> dict[Search, list[Pass]]:
        """As the rule takes them."""
        return {(name, CITY): [Pass(self.at(a), self.at(b)) for a, b in rounds] for name, rounds in self.rounds.items()}


def daily(search: str, rounds: range, shown: list[int]) -> tuple[list[tuple[float, float]], list[tuple[float, str]]]:
    """A search read on each day of `rounds` from 0:00 to 2:24, and sightings at 1:12 of the days `shown`, in that day's round."""
    return [(day, day + 0.1) for day in rounds], [(day + 0.05, f"{search}{day}") for day in shown]


def insert_histories(client: WarehouseClient, histories: dict[str, History], prefix: str = "") -> None:
    """Writes them as postings `<prefix><name>` of boss; each has searches of its own, `<prefix><name>:<search>`."""
    sightings, gone, rounds = [], [], []
    for name, history in histories.items():
        own = f"{prefix}{name}"
        for search, rows in history.sightings.items():
            sightings += [
                ["boss", own, f"{own}:{search}", CITY, f"{own}:{round}", "run", 1, history.at(day)] for day, round in rows
            ]
        gone += [["boss", own, "", CITY, f"{own}:{round}", "run", history.at(day)] for day, round in history.gone]
        for search, passes in history.rounds.items():
            rounds += [
                [
                    "boss",
                    f"{own}:{search}",
                    CITY,
                    f"{own}:{search}:{number}",
                    "done",
                    True,
                    *map(history.at, (began, ended, ended)),
                ]
                for number, (began, ended) in enumerate(passes)
            ]
    names = ["platform", "job_id", "keyword", "city", "round", "run_id", "page", "seen_at"]
    _insert(client, "job_sighting", names, sightings)
    _insert(client, "job_gone", ["platform", "job_id", "keyword", "city", "round", "run_id", "gone_at"], gone)
    names = ["platform", "keyword", "city", "round", "state", "healthy", "started_at", "finished_at", "ledger_at"]
    _insert(client, "crawl_round", names, rounds)


def set_pruned(client: WarehouseClient, until: datetime | None) -> None:
    """As if sightings had been pruned up to then, and never else."""
    client.command("TRUNCATE TABLE sighting_prune")
    _insert(client, "sighting_prune", ["pruned_until"], [[until]] if until else [])


def _insert(client: WarehouseClient, table: str, names: list[str], rows: list[list[object]]) -> None:
    if rows:
        client.run(lambda driver: driver.insert(table, rows, column_names=names))
