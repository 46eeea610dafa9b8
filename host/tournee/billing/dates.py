"""Calendar: holidays and working days from the dated table, ages by text (lunar birth dates), hours of the day."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache

from tournee.billing.errors import TableError

_ONE_DAY = timedelta(days=1)


@cache
def feries() -> dict[date, str]:
    """Legal holidays of metropolitan France (Code du travail L.3133-1), generated from the `holidays` library."""
    from tournee.billing.tables import read

    return {date.fromisoformat(day): name for day, name in read("feries")["feries"].items()}


@cache
def _years() -> tuple[int, int]:
    return min(feries()).year, max(feries()).year


def ferie(day: date) -> str:
    """The holiday's name, "" on an ordinary day; raises TableError beyond the table's years."""
    known = feries()
    first, last = _years()
    if not first <= day.year <= last:
        raise TableError(f"jours fériés de {day.year} inconnus", "mettez tournee à jour (table feries.toml)")
    return known.get(day, "")


@cache
def _locaux(region: str) -> dict[date, str]:
    from tournee.billing.tables import read

    found = read("feries")["locaux"].get(region, {})
    return {date.fromisoformat(day): name for day, name in found.items()}


@lru_cache(maxsize=2048)
def ferie_local(day: date, *regions: str) -> str:
    """The name of a holiday of these regions only (keys of feries.toml), "" where there is none."""
    return next((name for region in regions if (name := _locaux(region).get(day, ""))), "")


@lru_cache(maxsize=2048)
def dimanche_ou_ferie(day: date) -> bool:
    return day.weekday() == 6 or bool(ferie(day))


def ouvre(day: date) -> bool:
    """Working day: Monday to Friday, no holiday."""
    return day.weekday() < 5 and not ferie(day)


@lru_cache(maxsize=2048)
def add_jours_ouvres(day: date, n: int) -> date:
    """The n-th working day after `day` (`day` itself does not count)."""
    while n > 0:
        day += _ONE_DAY
        if ouvre(day):
            n -= 1
    return day


def age(naissance: str, day: date) -> int | None:
    """Whole years on `day`; the text AAAAMMJJ may hold a lunar month or day; None when it is no date at all."""
    if len(naissance) < 8 or not naissance[:8].isdecimal():
        return None
    years = day.year - int(naissance[:4])
    return years - ((day.month, day.day) < (int(naissance[4:6]), int(naissance[6:8])))


def months_before(day: date, months: int) -> date:
    """The same day number `months` earlier, or the last day of that month."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    for number in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, number))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


@lru_cache(maxsize=2048)
def minutes(heure: str) -> int | None:
    """ "HH:MM" as minutes after midnight; None when empty or wrong."""
    hours, _, rest = heure.partition(":")
    if not (hours.isdecimal() and rest.isdecimal() and len(rest) == 2):
        return None
    total = int(hours) * 60 + int(rest)
    return total if int(hours) < 24 and int(rest) < 60 else None


@lru_cache(maxsize=4096)
def fr(day: date) -> str:
    """15/01/2025."""
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"


@lru_cache(maxsize=4096)
def compact(day: date) -> str:
    """20250115, as cards write dates."""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"
