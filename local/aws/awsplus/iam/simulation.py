"""What a role's or user's own policies would allow.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException, ValidationError
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse

from ..wire.patch import extend
from .callers import PARTITION
from .conditions import listed
from .identity import documents_of, own_decision, role_by_arn
from .policy import ALLOW, DENY, Principal, Request, parsed

_DECISIONS = {ALLOW: "allowed", DENY: "explicitDeny", None: "implicitDeny"}


class _Responses(IamResponse):
    def simulate_principal_policy(self) -> ActionResult:
        if self._get_param("ResourcePolicy"):
            raise ValidationError("The local AWS simulates policies of principals only")
        principal = _principal(self._get_param("PolicySourceArn", ""), self.current_account)
        context = {
            each["ContextKeyName"].lower(): (each.get("ContextKeyValues") or [""])[0]
            for each in self._get_param("ContextEntries", [])
        }
        missing = sorted(set(_keys_in(principal)) - {*context, "aws:principalarn", "aws:principalaccount"})
        known = {"aws:principalarn": principal.arns[0], "aws:principalaccount": principal.account_id, **context}
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": _DECISIONS[own_decision(Request(action, principal, resource, known))],
                "MatchedStatements": [],
                "MissingContextValues": missing,
            }
            for action in self._get_param("ActionNames", [])
            for resource in self._get_param("ResourceArns", ["*"])
        ]
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _principal(arn: str, account_id: str) -> Principal:
    if ":role/" in arn:
        if role_by_arn(arn) is None or arn.split(":")[4] != account_id:
            raise NotFoundException(f"The role with ARN {arn} cannot be found.")
        return Principal(account_id, (arn, arn))
    if ":user/" in arn:
        if arn.split("/")[-1] not in iam_backends[account_id][PARTITION].users:
            raise NotFoundException(f"The user with ARN {arn} cannot be found.")
        return Principal(account_id, (arn,))
    raise ValidationError("The PolicySourceArn is that of a user, group or role")


def _keys_in(principal: Principal) -> Iterator[str]:
    """Condition keys that the principal's policies ask for, in lower case."""
    for document in documents_of(principal):
        for statement in listed(parsed(document).get("Statement")):
            for keys in (statement.get("Condition") or {}).values():
                yield from (key.lower() for key in keys)


def install() -> None:
    extend(IamResponse, _Responses)
