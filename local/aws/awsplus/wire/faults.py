"""Faults by rule: which calls, and what happens to them. Rules come by the control endpoint and go by it.

A rule is `{"id", "service", "action", "accountId", "region", "parameters", "nth", "chance", "effect"}`. Names may
hold `*`;
what is left out is any. `nth` counts the calls that match, from 1. The effect is one of

    {"error": {"code", "message", "status"}}   refused, and nothing took effect
    {"loseAnswer": true}                       took effect; the connection breaks instead of an answer
    {"reset": true}                            the connection breaks, and nothing took effect
    {"delay": seconds}                         of our time, before it takes effect
    {"fails": "message"}                       accepted; what it makes ends in error, the command fails
    {"hangs": true}                            SendCommand: the command runs until its executionTimeout ends it
    {"unhealthy": true}                        RegisterTargets: the targets never pass their group's health checks
    {"sticks": true}                           DetachVolume: the attachment is `busy` until the machine stops, or Force
    {"detaches": true}                         with fails, CreateReplaceRootVolumeTask: it ends with no root attached
    {"becomes": "standard"}                    CreateReplaceRootVolumeTask: the type of the root that it leaves
    {"calls": [{"service", "action", "accountId", "region", "parameters"}], "when": "before"|"after"}
                                               somebody else does this: account and region of the call where left out;
                                               "$Name" in a parameter is that parameter of the call
"""

from __future__ import annotations

import random
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..iam.conditions import like, listed
from . import others_calls
from .calls import Call
from .control import ControlError, route
from .errors import AwsError
from .gateway import App, Start

EFFECTS = ("error", "loseAnswer", "reset", "delay", "fails", "hangs", "unhealthy", "sticks", "becomes", "calls")
_SEMANTIC: ContextVar[Mapping[str, Any]] = ContextVar("semantic", default=MappingProxyType({}))
_LOCK = threading.Lock()


@dataclass
class Rule:
    asked: dict[str, Any]
    seen: int = 0
    hits: int = 0

    @property
    def effect(self) -> dict[str, Any]:
        return self.asked["effect"]

    def is_about(self, call: Call) -> bool:
        fields = (
            ("service", call.service),
            ("action", call.action),
            ("accountId", call.account_id),
            ("region", call.region),
        )
        parameters = self.asked.get("parameters", {})
        return all(like(self.asked.get(name, "*"), value) for name, value in fields) and all(
            like(str(wanted), str(call.parameters.get(name, ""))) for name, wanted in parameters.items()
        )

    def strikes(self, call: Call) -> bool:
        if not self.is_about(call):
            return False
        self.seen += 1
        nth = listed(self.asked.get("nth"))
        struck = (not nth or self.seen in nth) and random.random() < self.asked.get("chance", 1)
        self.hits += struck
        return struck


_rules: dict[str, Rule] = {}


def semantic(name: str) -> Any:
    """What a rule wants of the call that is being answered; None where none does."""
    return _SEMANTIC.get().get(name)


def inject(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway."""
    with _LOCK:
        effects = [rule.effect for rule in list(_rules.values()) if rule.strikes(call)]
    if not effects:
        return onward(environ, start)
    for effect in effects:
        _before(effect, call, environ)
    token = _SEMANTIC.set({name: value for effect in effects for name, value in effect.items()})
    try:
        answer = list(onward(environ, start))
    finally:
        _SEMANTIC.reset(token)
    for effect in effects:
        if "calls" in effect and effect.get("when", "after") == "after":
            others_calls.make(effect["calls"], call)
        if effect.get("loseAnswer"):
            _break_connection(environ)
    return answer


def _before(effect: dict[str, Any], call: Call, environ: dict[str, Any]) -> None:
    if "delay" in effect:
        time.sleep(float(effect["delay"]))
    if "calls" in effect and effect.get("when") == "before":
        others_calls.make(effect["calls"], call)
    if effect.get("reset"):
        _break_connection(environ)
        raise AwsError("ConnectionReset", "nobody hears this")
    if "error" in effect:
        error = effect["error"]
        raise AwsError(error["code"], error.get("message", "injected"), int(error.get("status", 400)))


def _break_connection(environ: dict[str, Any]) -> None:
    # The caller may have been faster.
    with suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


@route("POST", "faults")
def add(asked: dict[str, Any]) -> dict[str, Any]:
    """One rule; its id."""
    effect = asked.get("effect")
    if not isinstance(effect, dict) or not any(name in effect for name in EFFECTS):
        raise ControlError(f"a rule needs an effect, one of {', '.join(EFFECTS)}")
    rule_id = str(asked.get("id") or uuid.uuid4())
    with _LOCK:
        _rules[rule_id] = Rule(asked)
    return {"id": rule_id}


@route("GET", "faults")
def tell(_: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules, how many calls each saw and how many it struck."""
    with _LOCK:
        return [{**rule.asked, "id": rule_id, "seen": rule.seen, "hits": rule.hits} for rule_id, rule in _rules.items()]


@route("DELETE", "faults")
def remove(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"id": …}`, or all."""
    if "id" not in asked:
        forget_all()
    with _LOCK:
        _rules.pop(asked.get("id"), None)
    return {}


def forget_all() -> None:
    with _LOCK:
        _rules.clear()
