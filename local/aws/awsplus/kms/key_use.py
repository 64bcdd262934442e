"""Who may use a KMS key for EBS, and what becomes of what was begun under a key that cannot be used.

EC2 takes such calls and fails later: "AWS authenticates the KMS key asynchronously. If you specify an ID, ARN, or alias
that is not valid, the action can appear to complete, but eventually fails."
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html

A snapshot ends in `error` then; a volume is not there any more, and no call ever shows why: InvalidVolume.NotFound.
https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html,
https://github.com/kubernetes-sigs/aws-ebs-csi-driver/issues/3010, https://github.com/hashicorp/terraform/issues/23651
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.kms import kms_backends

from ..iam.callers import current
from ..iam.identity import both_allow, own_decision
from ..iam.policy import DENY, Principal, Request, decide
from ..wire.faults import semantic
from .keys import living

NOT_ACCESSIBLE = "Given key ID is not accessible"

# What EBS does with a key: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
NEEDED = {"Decrypt", "CreateGrant", "DescribeKey"}


def begun(resource: Any) -> Any:
    """Whoever calls now is whose permission counts when the key is asked for, later."""
    resource.begun_by = current(resource.ec2_backend.account_id)
    resource.doomed = semantic("fails")
    return resource


def problem_of(resource: Any) -> str | None:
    """Why EBS cannot make this volume or snapshot; None where it can."""
    if getattr(resource, "doomed", None):
        return resource.doomed
    if not resource.encrypted or resource.kms_key_id is None:
        return None
    principal = getattr(resource, "begun_by", Principal(resource.ec2_backend.account_id))
    return None if is_usable(principal, resource.ec2_backend.region_name, resource.kms_key_id) else NOT_ACCESSIBLE


def is_usable(principal: Principal, region: str, arn: str) -> bool:
    """Whether EBS can encrypt and decrypt volumes of the region with the key, for this principal."""
    key = _key(arn)
    if key is None or arn.split(":")[3] != region:
        return False
    # Only symmetric keys that are enabled: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    if key.key_state != "Enabled" or key.key_spec != "SYMMETRIC_DEFAULT":
        return False
    via = {"kms:viaservice": f"ec2.{region}.amazonaws.com"}
    for_grants = {**via, "kms:grantisforawsresource": "true"}
    return all(
        may(key, principal, operation, for_grants if operation == "CreateGrant" else via) for operation in NEEDED
    )


def may(
    key: Any,
    principal: Principal,
    operation: str,
    more: Mapping[str, str] | None = None,
    encryption_context: Mapping[str, str] | None = None,
) -> bool:
    """By the key's policy, the principal's own or a grant; what a policy denies no grant allows.

    https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
    """
    known = {"kms:calleraccount": principal.account_id, "aws:principalaccount": principal.account_id}
    request = Request(
        f"kms:{operation}", principal, key.arn, {**known, "aws:principalarn": _iam_arn(principal), **(more or {})}
    )
    if both_allow(key.policy, key.account_id, request):
        return True
    return _is_granted(key, principal, operation, encryption_context or {}) and DENY not in (
        decide(key.policy, request),
        own_decision(request),
    )


def _iam_arn(principal: Principal) -> str:
    return principal.arn if principal.is_root else principal.arns[0]


def _key(arn: str) -> Any:
    parts = arn.split(":")
    if len(parts) < 6 or not parts[5].startswith("key/"):
        return None
    return living(kms_backends[parts[4]][parts[3]], parts[5][len("key/") :])


def _is_granted(key: Any, principal: Principal, operation: str, encryption_context: Mapping[str, str]) -> bool:
    """https://docs.aws.amazon.com/kms/latest/developerguide/grants.html"""
    grantees = {*principal.arns, principal.account_id, f"arn:aws:iam::{principal.account_id}:root"}
    return any(
        operation in grant.operations
        and grant.grantee_principal in grantees
        and _meets(grant.constraints or {}, encryption_context)
        for grant in list(key.grants.values())
    )


def _meets(constraints: Mapping[str, Any], encryption_context: Mapping[str, str]) -> bool:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html"""
    equals, subset = constraints.get("EncryptionContextEquals"), constraints.get("EncryptionContextSubset")
    return (not equals or equals == encryption_context) and (not subset or subset.items() <= encryption_context.items())
