"""What every site must keep, beyond what a type can say. Shared by `scrapy checkall` and the tests.

Each check returns its problems, one line each; empty when all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from spiders.cases import Site, run_case
from spiders.check_answers import check_behaviour, check_privacy
from spiders.check_files import check_codes, check_structure

FILL_IN = "FILL IN"


def check_site(site: Site) -> dict[str, list[str]]:
    """Every check by name with its problems. A check that raises is a problem of its own."""
    return {name: _run(check, site) for name, check in CHECKS.items()}


def _run(check: Callable[[Site], Iterator[str]], site: Site) -> list[str]:
    try:
        return list(check(site))
    except Exception as error:  # a broken site must not hide what is wrong with the others
        return [f"{check.__name__} raised {type(error).__name__}: {error}"]


def check_cases(site: Site) -> Iterator[str]:
    """Every case folder gives what it expects, and there is one of each kind the site can do."""
    cases, platform = site.cases(), site.platform
    needed = {"search", "request", "sign", "verdict"}
    needed |= {"detail"} if platform.parse_detail else set()
    needed |= {"html"} if platform.parse_html else set()
    needed |= {"company"} if platform.parse_company else set()
    missing = sorted(needed - {case.kind for case in cases})
    yield from (f"no case of the kind {kind} in {site.cases_folder.name}/" for kind in missing)
    for case in cases:
        yield from (f"case {case.name}: {line}" for line in run_case(platform, case))


def check_finished(site: Site) -> Iterator[str]:
    """No place is left that `scrapy newplatform` marked to be filled in."""
    for folder in (site.folder, site.cases_folder):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and path.suffix != ".pyc" and (count := path.read_bytes().count(FILL_IN.encode())):
                yield f"{path.relative_to(folder.parent)}: {count} place{'s' if count > 1 else ''} to fill in"


CHECKS: dict[str, Callable[[Site], Iterator[str]]] = {
    "structure": check_structure,
    "codes": check_codes,
    "behaviour": check_behaviour,
    "privacy": check_privacy,
    "cases": check_cases,
    "finished": check_finished,
}
