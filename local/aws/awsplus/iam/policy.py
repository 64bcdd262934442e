"""Policy documents: who may do what, under which conditions. Key policies, trust policies and identity policies alike.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .conditions import condition_holds, like, listed

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
    context: Mapping[str, str | list[str]] = field(default_factory=dict)
    """Condition keys, in lower case, with their value or their values."""


def decide(document: str | Mapping[str, Any] | None, request: Request) -> str | None:
    """DENY before ALLOW before ALLOW_ACCOUNT; None where the document says nothing about it."""
    policy = parsed(document)
    version = policy.get("Version", "")
    effects = {_effect(statement, request, version) for statement in listed(policy.get("Statement"))}
    return next((effect for effect in (DENY, ALLOW, ALLOW_ACCOUNT) if effect in effects), None)


def parsed(document: str | Mapping[str, Any] | None) -> Mapping[str, Any]:
    return json.loads(document) if isinstance(document, str) else document or {}


def _effect(statement: Mapping[str, Any], request: Request, version: str) -> str | None:
    named = _names(statement, request.principal)
    if named is None or not _is_about(statement, request, version):
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


def _is_about(statement: Mapping[str, Any], request: Request, version: str) -> bool:
    return (
        _is_in(statement, "Action", request.action, ignore_case=True)
        and _is_in(statement, "Resource", request.resource)
        and condition_holds(statement.get("Condition"), request.context, version)
    )


def _is_in(statement: Mapping[str, Any], element: str, text: str, ignore_case: bool = False) -> bool:
    negated = f"Not{element}"
    if negated in statement:
        return not any(like(pattern, text, ignore_case) for pattern in listed(statement[negated]))
    # A trust policy has no Resource: it is about its role.
    return element not in statement or any(like(pattern, text, ignore_case) for pattern in listed(statement[element]))
