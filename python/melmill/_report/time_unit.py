"""The unit in which a page gives long times."""

from __future__ import annotations

from typing import NamedTuple


class TimeUnit(NamedTuple):
    """A unit of time.

    Attributes:
      name: Its name, plural.
      per_hour: How many of them an hour has.
    """

    name: str
    per_hour: int

    def of_hours(self, hours: float) -> float:
        """A time in this unit."""
        return hours * self.per_hour


HOURS = TimeUnit("hours", 1)
MINUTES = TimeUnit("minutes", 60)
SECONDS = TimeUnit("seconds", 3600)


def unit_for(hours: float) -> TimeUnit:
    """The largest unit of which a time is at least one."""
    for unit in (HOURS, MINUTES):
        if unit.of_hours(hours) >= 1:
            return unit
    return SECONDS
