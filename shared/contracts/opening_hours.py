"""Opening hours of an organization: times of each day of the week in one time zone."""

import re
from datetime import datetime, time
from functools import cache
from itertools import pairwise
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"{name[:40]!r} is not a time zone; write an IANA name such as Europe/Berlin")
    return name


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"{text[:10]!r} is not a time of day; write 09:00, from 00:00 to 24:00")
    return text


def _start_before_end(span: tuple[str, str]) -> tuple[str, str]:
    if span[0] >= span[1]:
        raise ValueError(
            f"{span[0]} is not before {span[1]}; hours over midnight end at 24:00 and go on at 00:00 of the next day"
        )
    return span


def _without_overlaps(spans: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    ordered = sorted(spans)
    for earlier, later in pairwise(ordered):
        if later[0] < earlier[1]:
            raise ValueError(f"{later[0]} to {later[1]} overlaps {earlier[0]} to {earlier[1]}")
    return tuple(ordered)


Clock = Annotated[
    str, Field(max_length=5, json_schema_extra={"pattern": f"^(?:{_CLOCK.pattern})$"}), AfterValidator(_clock)
]
Span = Annotated[tuple[Clock, Clock], AfterValidator(_start_before_end)]
"""Start (inclusive) and end (exclusive): `["09:00", "17:00"]`."""
Day = Annotated[tuple[Span, ...], Field(max_length=24), AfterValidator(_without_overlaps)]


TimeZone = Annotated[str, Field(max_length=64, json_schema_extra={"format": "time-zone"}), AfterValidator(_zone)]
"""An IANA name."""


class OpeningHours(BaseModel):
    """`time_zone`: IANA name. `weekly`: the hours of each day; closed on days that are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    time_zone: TimeZone
    weekly: dict[Weekday, Day]

    def includes(self, time_utc: datetime) -> bool:
        """Whether the organization is open at this aware time; daylight saving time is taken into account."""
        local = time_utc.astimezone(ZoneInfo(self.time_zone))
        clock = f"{time(local.hour, local.minute):%H:%M}"
        return any(start <= clock < end for start, end in self.weekly.get(_WEEKDAYS[local.weekday()], ()))
