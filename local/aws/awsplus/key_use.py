"""Who may use a KMS key for EBS, and what becomes of what was begun under a key that cannot be used.

EC2 takes such calls and fails later: "AWS authenticates the KMS key asynchronously. If you specify an ID, ARN, or alias
that is not valid, the action can appear to complete, but eventually fails."
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.kms import kms_backends

NOT_ACCESSIBLE = "Given key ID is not accessible"

# What EBS does with a key: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
NEEDED = {"Decrypt", "CreateGrant", "DescribeKey"}


def problem(account_id: str, region: str, arn: str | None) -> str | None:
    """Why the account cannot encrypt or decrypt volumes of the region with the key; None where it can."""
    if arn is None or is_usable(account_id, region, arn):
        return None
    return NOT_ACCESSIBLE


def is_usable(account_id: str, region: str, arn: str) -> bool:
    key = _key(arn)
    if key is None or arn.split(":")[3] != region:
        return False
    # Only symmetric keys that are enabled: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    if key.key_state != "Enabled" or key.key_spec != "SYMMETRIC_DEFAULT":
        return False
    return key.account_id == account_id or _is_granted(key, account_id) or _is_allowed(key, account_id)


def _key(arn: str) -> Any:
    parts = arn.split(":")
    if len(parts) < 6 or not parts[5].startswith("key/"):
        return None
    return kms_backends[parts[4]][parts[3]].keys.get(parts[5][len("key/"):])


def _is_granted(key: Any, account_id: str) -> bool:
    """https://docs.aws.amazon.com/kms/latest/developerguide/grants.html"""
    granted = {
        operation
        for grant in key.list_grants(None)
        if _account_of(grant.grantee_principal) == account_id
        for operation in grant.operations
    }
    return NEEDED <= granted


def _is_allowed(key: Any, account_id: str) -> bool:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html"""
    allowed: set[str] = set()
    for statement in _listed(json.loads(key.policy or "{}").get("Statement")):
        principals = _listed((statement.get("Principal") or {}).get("AWS") if isinstance(statement.get("Principal"), dict) else statement.get("Principal"))
        if not any(principal == "*" or _account_of(principal) == account_id for principal in principals):
            continue
        actions = {action.removeprefix("kms:") for action in _listed(statement.get("Action"))}
        covered = NEEDED if "*" in actions else {n for n in NEEDED if any(_matches(a, n) for a in actions)}
        if statement.get("Effect") == "Deny":
            return False
        allowed |= covered
    return NEEDED <= allowed


def _matches(pattern: str, operation: str) -> bool:
    return operation.startswith(pattern[:-1]) if pattern.endswith("*") else operation == pattern


def _account_of(principal: str) -> str:
    return principal.split(":")[4] if principal.startswith("arn:") else principal


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
