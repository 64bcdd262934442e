"""Policy documents: who may do what, under which conditions. Key policies, trust policies and identity policies alike.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

ALLOW, DENY = "Allow", "Deny"

ALLOW_ACCOUNT = "AllowAccount"
"""Allowed to the caller's account: the account's own policies have to allow it too.
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam"""


@dataclass(frozen=True)
class Principal:
    """Who calls: the root of an account, or a role's session or a user in it."""

    account_id: str
    arns: tuple[str, ...] = ()
    """The role's ARN and the session's, or the user's; none for the root."""

    @property
    def is_root(self) -> bool:
        return not self.arns

    @property
    def arn(self) -> str:
        """As in AWS's messages."""
        return f"arn:aws:iam::{self.account_id}:root" if self.is_root else self.arns[-1]


@dataclass(frozen=True)
class Request:
    action: str
    """As in policies: `kms:Decrypt`."""
    principal: Principal
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys, in lower case."""


def decide(document: str | Mapping[str, Any] | None, request: Request) -> str | None:
    """DENY before ALLOW before ALLOW_ACCOUNT; None where the document says nothing about it."""
    effects = {_effect(statement, request) for statement in listed(parsed(document).get("Statement"))}
    return next((effect for effect in (DENY, ALLOW, ALLOW_ACCOUNT) if effect in effects), None)


def parsed(document: str | Mapping[str, Any] | None) -> Mapping[str, Any]:
    return json.loads(document) if isinstance(document, str) else document or {}


def _effect(statement: Mapping[str, Any], request: Request) -> str | None:
    named = _names(statement, request.principal)
    if named is None or not _is_about(statement, request):
        return None
    return DENY if statement["Effect"] == DENY else named


def _names(statement: Mapping[str, Any], principal: Principal) -> str | None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"""
    if "NotPrincipal" in statement:
        return None if any(_match(name, principal) for name in _listed_names(statement["NotPrincipal"])) else ALLOW
    if "Principal" not in statement:
        return ALLOW
    matches = [_match(name, principal) for name in _listed_names(statement["Principal"])]
    return next((effect for effect in (ALLOW, ALLOW_ACCOUNT) if effect in matches), None)


def _listed_names(principal: Any) -> list[str]:
    return listed(principal.get("AWS")) if isinstance(principal, dict) else listed(principal)


def _match(name: str, principal: Principal) -> str | None:
    if name == "*" or name in principal.arns:
        return ALLOW
    if name in (principal.account_id, f"arn:aws:iam::{principal.account_id}:root"):
        return ALLOW if principal.is_root else ALLOW_ACCOUNT
    return None


def _is_about(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _is_in(statement, "Action", request.action, ignore_case=True)
        and _is_in(statement, "Resource", request.resource)
        and all(
            _holds(operator, keys, request.context) for operator, keys in (statement.get("Condition") or {}).items()
        )
    )


def _is_in(statement: Mapping[str, Any], element: str, text: str, ignore_case: bool = False) -> bool:
    negated = f"Not{element}"
    if negated in statement:
        return not any(like(pattern, text, ignore_case) for pattern in listed(statement[negated]))
    # A trust policy has no Resource: it is about its role.
    return element not in statement or any(like(pattern, text, ignore_case) for pattern in listed(statement[element]))


def _holds(operator: str, keys: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    name = operator.split(":")[-1]
    return all(
        _key_holds(name, context.get(key.lower()), [_text(v) for v in listed(wanted)]) for key, wanted in keys.items()
    )


def _key_holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return (value is None) == (wanted == ["true"])
    optional, operator = operator.endswith("IfExists"), operator.removesuffix("IfExists")
    negated, operator = "Not" in operator, operator.replace("Not", "")
    if value is None:
        return optional or negated
    compare = _OPERATORS.get(operator)
    return compare is not None and any(compare(each, value) for each in wanted) != negated


def like(pattern: str, text: str, ignore_case: bool = False) -> bool:
    """`*` and `?`, as in policies; brackets are only brackets."""
    expression = translate(pattern.replace("[", "[[]"))
    return re.fullmatch(expression, text, re.IGNORECASE if ignore_case else 0) is not None


def _same(wanted: str, value: str) -> bool:
    return wanted == value


def _same_in_any_case(wanted: str, value: str) -> bool:
    return wanted.lower() == value.lower()


_OPERATORS = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": _same_in_any_case,
    "Bool": _same_in_any_case,
    "StringLike": like,
    "ArnLike": like,
    "ArnEquals": like,
}


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
