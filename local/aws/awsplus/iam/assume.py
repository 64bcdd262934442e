"""AssumeRole: the role is there, trusts the caller, and gets the external id that it asks for.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from typing import Any

from moto.sts.responses import TokenResponse

from ..wire.errors import AwsError
from .callers import current
from .identity import TRUSTS_MANAGEMENT_ACCOUNT, both_allow, is_organization_role, role_by_arn
from .policy import Request

_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/\S+$")


def install() -> None:
    assume_role = TokenResponse.assume_role

    def assume(self: Any) -> Any:
        arn, external_id = self._get_param("RoleArn"), self._get_param("ExternalId")
        known = _ROLE_ARN.match(arn or "")
        if not known:
            raise AwsError("ValidationError", f"{arn} is invalid")
        caller = current(self.current_account)
        context = {"sts:externalid": external_id} if external_id else {}
        request = Request(
            "sts:AssumeRole",
            caller,
            arn,
            {**context, "aws:principalarn": caller.arn, "aws:principalaccount": caller.account_id},
        )
        trust = _trust_policy_of(arn)
        # AWS does not tell a role that is not there from one that does not trust the caller.
        if trust is None or not both_allow(trust, known.group(1), request):
            raise AwsError(
                "AccessDenied",
                f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
                403,
            )
        return assume_role(self)

    TokenResponse.assume_role = assume


def _trust_policy_of(arn: str) -> Any:
    if is_organization_role(arn):
        return TRUSTS_MANAGEMENT_ACCOUNT
    role = role_by_arn(arn)
    return role.assume_role_policy_document if role else None
