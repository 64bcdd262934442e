"""Who called what, and how often: for tests that ask how many calls something takes."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from .calls import Call
from .clock import CLOCK
from .control import route
from .errors import AwsError
from .gateway import App, Start

THROTTLES = {"RequestLimitExceeded", "ThrottlingException"}

_LOCK = threading.Lock()
_counts: dict[tuple[str, str, str, str], dict[str, Any]] = {}


def count(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway, outside of all that may refuse a call."""
    with _LOCK:
        entry = _counts.setdefault(
            (call.service, call.action, call.account_id, call.region), {"calls": 0, "throttles": 0}
        )
        entry["calls"] += 1
        entry["lastAt"] = CLOCK.utcnow().isoformat() + "Z"
    try:
        return onward(environ, start)
    except AwsError as error:
        with _LOCK:
            entry["throttles"] += error.code in THROTTLES
        raise


@route("GET", "calls")
def tell(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """All, or those of `?accountId=…`."""
    with _LOCK:
        return [
            {"service": service, "action": action, "accountId": account_id, "region": region, **entry}
            for (service, action, account_id, region), entry in _counts.items()
            if asked.get("accountId") in (None, account_id)
        ]


@route("DELETE", "calls")
def forget(_: dict[str, Any]) -> dict[str, Any]:
    forget_all()
    return {}


def forget_all() -> None:
    with _LOCK:
        _counts.clear()
