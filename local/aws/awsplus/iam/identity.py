"""IAM: what a principal's own policies say, and whether that and a resource's policy together allow a call.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
"""

from __future__ import annotations

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from .callers import PARTITION
from .policy import ALLOW, DENY, Principal, Request, decide

MANAGEMENT_ACCOUNT = DEFAULT_ACCOUNT_ID
ORGANIZATION_ROLE = "OrganizationAccountAccessRole"

ADMINISTRATOR = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

TRUSTS_MANAGEMENT_ACCOUNT = {
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:root"}}
    ]
}


def own_decision(request: Request) -> str | None:
    """By the policies of the principal itself; a root needs none."""
    if request.principal.is_root:
        return ALLOW
    effects = {decide(document, request) for document in documents_of(request.principal)}
    return next((effect for effect in (DENY, ALLOW) if effect in effects), None)


def both_allow(document: Any, owner_account_id: str, request: Request) -> bool:
    """The resource's policy and, where that speaks of the account only or of another account's caller, the
    principal's own."""
    by_resource, by_own = decide(document, request), own_decision(request)
    if DENY in (by_resource, by_own) or by_resource is None:
        return False
    named_at_home = by_resource == ALLOW and request.principal.account_id == owner_account_id
    return named_at_home or by_own == ALLOW


def role_by_arn(arn: str) -> Any:
    """None where there is no such role."""
    try:
        return iam_backends[arn.split(":")[4]][PARTITION].get_role_by_arn(arn)
    except (NotFoundException, IndexError):
        return None


def is_organization_role(arn: str) -> bool:
    """https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html"""
    return arn.endswith(f":role/{ORGANIZATION_ROLE}")


def documents_of(principal: Principal) -> list[Any]:
    """The policies of a role, or of a user and its groups."""
    arn = principal.arns[0]
    if is_organization_role(arn):
        return [ADMINISTRATOR]
    if ":role/" in arn:
        role = role_by_arn(arn)
        return _policies_of(role) if role else []
    iam = iam_backends[principal.account_id][PARTITION]
    user = iam.users.get(arn.split("/")[-1])
    groups = iam.get_groups_for_user(user.name) if user else []
    return [document for each in ([user] if user else []) + groups for document in _policies_of(each)]


def _policies_of(owner: Any) -> list[Any]:
    inline = owner.policies
    return list(inline.values() if isinstance(inline, dict) else inline) + [
        p.document for p in owner.managed_policies.values()
    ]
