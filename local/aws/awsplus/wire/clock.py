"""One AWS clock. It may run faster than the wall clock, stand still, be set and be advanced; everything that takes
time is measured by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

from .control import ControlError, route

_LOOKING_BACK: ContextVar[float] = ContextVar("looking_back", default=0.0)
_STANDING: ContextVar[float | None] = ContextVar("standing", default=None)


class Clock:
    """AWS time in seconds since the epoch. With `speed` 0 it stands still until advanced; None means that nothing
    takes any time."""

    def __init__(self) -> None:
        self.speed: float | None = None
        self.reset()

    def now(self) -> float:
        standing = _STANDING.get()
        return (self._running() if standing is None else standing) - _LOOKING_BACK.get()

    def _running(self) -> float:
        return self._origin + (time.monotonic() - self._started) * (1.0 if self.speed is None else self.speed)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Within, this thread sees one moment only: the one at which it came in."""
        token = _STANDING.set(self._running())
        try:
            yield
        finally:
            _STANDING.reset(token)

    @contextmanager
    def looking_back(self, seconds: float) -> Iterator[None]:
        """Within, this thread sees the time of so many seconds ago."""
        token = _LOOKING_BACK.set(seconds)
        try:
            yield
        finally:
            _LOOKING_BACK.reset(token)

    def set(self, moment: float) -> None:
        self._started = time.monotonic()
        self._origin = moment

    def reset(self) -> None:
        self.set(time.time())

    def run_at(self, speed: float | None) -> None:
        """From now on; what was begun ends by the new speed."""
        now = self.now()
        self.speed = speed
        self.set(now)

    def utcnow(self) -> datetime:
        """As moto's `utcnow`: naive, in UTC."""
        return datetime.fromtimestamp(self.now(), timezone.utc).replace(tzinfo=None)

    def after(self, seconds: float) -> float:
        """The moment at which something that takes so long, and begins now, is over."""
        return self.now() + (0.0 if self.speed is None else seconds)

    def is_past(self, moment: float) -> bool:
        return self.now() >= moment


CLOCK = Clock()


def date_of(moment: float) -> datetime:
    """As it goes into an answer."""
    return datetime.fromtimestamp(moment, timezone.utc)


@route("GET", "clock")
def tell(_: dict[str, Any]) -> dict[str, Any]:
    return {
        "now": datetime.fromtimestamp(CLOCK.now(), timezone.utc).isoformat(),
        "speed": "instant" if CLOCK.speed is None else CLOCK.speed,
    }


@route("POST", "clock")
def change(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"set": "2027-01-01T00:00:00Z"}`, `{"advance": 3600}` in seconds, `{"speed": 600}` (0 stands still) or
    `{"speed": "instant"}`."""
    if not asked.keys() & {"set", "advance", "speed"}:
        raise ControlError("say set, advance or speed")
    if "speed" in asked:
        CLOCK.run_at(None if asked["speed"] == "instant" else float(asked["speed"]))
    if "set" in asked:
        CLOCK.set(datetime.fromisoformat(asked["set"].replace("Z", "+00:00")).timestamp())
    if "advance" in asked:
        CLOCK.set(CLOCK.now() + float(asked["advance"]))
    return tell({})
