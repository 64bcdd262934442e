"""Everything forgotten at once, for whoever wants a new world on the same port."""

from __future__ import annotations

from typing import Any

from moto.moto_api._internal.models import moto_api_backend

from ..iam import callers, quotas, trail
from . import counts, faults, lag, limits, others_calls, tokens
from .clock import CLOCK
from .control import route


def install() -> None:
    route("POST", "reset")(reset)


def reset(_: dict[str, Any]) -> dict[str, Any]:
    """Accounts with all that is in them, rules, counts, tokens and buckets; the clock is set to now and keeps its
    speed."""
    moto_api_backend.reset()
    forgets = (
        callers.forget,
        counts.forget_all,
        faults.forget_all,
        lag.forget,
        others_calls.forget,
        quotas.forget,
        tokens.forget,
        trail.forget,
    )
    for forget in forgets:
        forget()
    limits.LIMITS.switch(limits.LIMITS.on)
    CLOCK.reset()
    return {}
