"""One AWS clock. It may run faster than the wall clock, and everything that takes time is measured by it."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """AWS time in seconds since the epoch. `speed` None means that nothing takes any time."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._origin = time.time()
        self.speed: float | None = None

    def now(self) -> float:
        passed = time.monotonic() - self._started
        return self._origin + passed * (self.speed or 1.0)

    def utcnow(self) -> datetime:
        """As moto's `utcnow`: naive, in UTC."""
        return datetime.fromtimestamp(self.now(), timezone.utc).replace(tzinfo=None)

    def after(self, seconds: float) -> float:
        """The moment at which something that takes so long, and begins now, is over."""
        return self.now() + (seconds if self.speed else 0.0)

    def is_past(self, moment: float) -> bool:
        return self.now() >= moment


CLOCK = Clock()
