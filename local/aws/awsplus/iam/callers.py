"""Who a call is from: the root of an account, a role's session or a user."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from ..wire.calls import Call
from ..wire.gateway import App, Start
from .policy import Principal

PARTITION = "aws"

_CALLER: ContextVar[Principal | None] = ContextVar("caller", default=None)


_known: dict[str, Principal] = {}


def forget() -> None:
    _known.clear()


def caller_of(call: Call) -> Principal:
    """A key that nobody made is the root's of the account that moto takes callers for."""
    known = _known.get(call.access_key)
    if known is None:
        known = _known[call.access_key] = _look_up(call)
    return known


def _look_up(call: Call) -> Principal:
    iam = iam_backends[call.account_id][PARTITION]
    role = getattr(iam.access_keys.get(call.access_key), "role_arn", None)
    if role:
        session = sts_backends[call.account_id][PARTITION].get_assumed_role_from_access_key(call.access_key)
        return Principal(call.account_id, (role, session.arn))
    user = iam.get_user_from_access_key_id(call.access_key)
    return Principal(call.account_id, (user.arn,) if user else ())


def remember_caller(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway: what happens within the call can ask for `current`."""
    token = _CALLER.set(caller_of(call))
    try:
        return onward(environ, start)
    finally:
        _CALLER.reset(token)


def current(account_id: str) -> Principal:
    """Whoever calls at this moment, as far as it is about the account; its root otherwise."""
    caller = _CALLER.get()
    return caller if caller and caller.account_id == account_id else Principal(account_id)
