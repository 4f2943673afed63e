"""What handing in late costs: from two moments to days, and from days to the share of the points that counts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Delay:
    """How late somebody handed in, and what is left of the points.

    Attributes:
        days: Days that have begun since the deadline; None where all that is known is that it was late.
        share: Part of the points that counts; None where the days are not known.
    """

    days: int | None
    share: float | None

    def counted(self, total: float) -> float | None:
        """The points that count; None where the days are not known."""
        return None if self.share is None else total * self.share

    def __str__(self) -> str:
        return "?" if self.days is None else str(self.days)


UNKNOWN = Delay(None, None)


@dataclass(frozen=True)
class Late:
    """The rule of a class.

    Attributes:
        grace: How long after the deadline nothing is late yet.
        per_day: Part of the points that is lost on each day that has begun.
        at_most: Days; what comes later counts nothing.
    """

    grace: timedelta = timedelta()
    per_day: float = 0.0
    at_most: int | None = None

    def days(self, deadline: datetime, handed_in: datetime) -> int:
        """Days that have begun since the deadline, 0 within the grace; the next day at the same hour is one day.

        A day is one of the clock on the wall: where the clocks change it has 23 or 25 hours.

        Args:
            deadline: With its time zone.
            handed_in: With a time zone, or without one in that of the deadline.
        """
        if handed_in.tzinfo is None:
            handed_in = handed_in.replace(tzinfo=deadline.tzinfo)
        if handed_in.astimezone(UTC) - deadline.astimezone(UTC) <= self.grace:
            return 0
        on_the_wall = handed_in.astimezone(deadline.tzinfo).replace(tzinfo=None) - deadline.replace(tzinfo=None)
        return max(1, -(-on_the_wall // DAY))

    def delay(self, days: int) -> Delay:
        """What so many days cost."""
        if self.at_most is not None and days > self.at_most:
            return Delay(days, 0.0)
        return Delay(days, max(0.0, 1.0 - self.per_day * days))
