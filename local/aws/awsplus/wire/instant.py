"""What one answer tells is of one instant: nobody else's call, and no passing time, changes what it shows between its
first word and its last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .calls import Call
from .clock import CLOCK
from .gateway import ONE_AT_A_TIME, App, Start


def one_instant(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway, within those that may wait (faults that delay, calls of others): from the check of
    permissions to the last word of
    the answer, which is written before this returns."""
    with ONE_AT_A_TIME, CLOCK.standing():
        return list(onward(environ, start))
