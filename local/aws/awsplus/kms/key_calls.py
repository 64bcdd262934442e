"""Who may call KMS about a key, and in which of the key's states."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms import kms_backends
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

from ..iam.callers import current
from ..iam.conditions import listed
from ..iam.identity import both_allow
from ..iam.policy import ALLOW, DENY, Request
from ..wire.calls import Call
from ..wire.clock import CLOCK
from ..wire.errors import AwsError
from ..wire.gateway import App, Start
from ..wire.pages import page_of
from ..wire.patch import extend
from .key_use import may
from .keys import living

# https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
_CRYPTOGRAPHIC = {
    "Decrypt",
    "DeriveSharedSecret",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
}
_REFUSED_WHEN_DISABLED = _CRYPTOGRAPHIC | {
    "CreateGrant",
    "DisableKeyRotation",
    "EnableKeyRotation",
    "GetPublicKey",
    "ReplicateKey",
    "RotateKeyOnDemand",
}
_REFUSED_WHEN_PENDING_DELETION = _REFUSED_WHEN_DISABLED | {
    "CreateAlias",
    "DisableKey",
    "EnableKey",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
}

# "Cross-account use: Yes" in https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
_ACROSS_ACCOUNTS = _CRYPTOGRAPHIC | {
    "CreateGrant",
    "DescribeKey",
    "GetKeyRotationStatus",
    "GetPublicKey",
    "ListGrants",
    "RetireGrant",
    "RevokeGrant",
}

# The retiring principal is known by the grant, and an alias by the permission on its key as well.
_NOT_BY_KEY_POLICY = {"RetireGrant", "ListAliases", "ListKeys"}

# https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
_WAITING_DAYS = (7, 30)
_USUAL_WAITING_DAYS = 30
_KEYS_A_PAGE = 100
_ALIASES_A_PAGE = 50


def guard_keys(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway: permission first, then state, as KMS does."""
    if call.service == "kms" and call.is_json:
        for name in ("KeyId", "TargetKeyId", "DestinationKeyId"):
            if isinstance(call.parameters.get(name), str):
                _require(call, call.parameters[name])
        if call.action in ("CreateKey", "PutKeyPolicy", "ReplicateKey") and call.parameters.get("Policy"):
            _require_document(call.parameters["Policy"])
            if not call.parameters.get("BypassPolicyLockoutSafetyCheck"):
                _require_way_back(call, call.parameters["Policy"])
    return onward(environ, start)


def _require(call: Call, key_id: str) -> None:
    owner = _owner(key_id) or call.account_id
    if key_id.startswith("arn:") and key_id.split(":")[3] != call.region:
        raise AwsError("NotFoundException", f"Invalid arn {key_id.split(':')[3]}")
    key = _key(kms_backends[owner][call.region], key_id)
    if key is None and owner == call.account_id:
        return  # moto says in its own words that there is none
    if key is None or not _is_permitted(call, key):
        raise AwsError("AccessDeniedException", _denied(call, key_id))
    _require_state(call.action, key)


def _require_document(policy: str) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html (MalformedPolicyDocumentException)"""
    try:
        document = json.loads(policy)
    except ValueError:
        document = None
    statements = listed(document.get("Statement")) if isinstance(document, dict) else []
    if not statements or not all(isinstance(each, dict) and each.get("Effect") in (ALLOW, DENY) for each in statements):
        raise AwsError(
            "MalformedPolicyDocumentException",
            "The policy document is malformed: it is no JSON object with statements that allow or deny",
        )


def _require_way_back(call: Call, policy: str) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html (BypassPolicyLockoutSafetyCheck)"""
    asked = Request("kms:PutKeyPolicy", current(call.account_id), "*", {"kms:calleraccount": call.account_id})
    if not both_allow(policy, call.account_id, asked):
        raise AwsError(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        )


def _is_permitted(call: Call, key: Any) -> bool:
    if call.action in _NOT_BY_KEY_POLICY:
        return True
    if key.account_id != call.account_id and call.action not in _ACROSS_ACCOUNTS:
        return False
    actions = {"ReEncrypt": "ReEncryptTo"}
    return may(
        key,
        current(call.account_id),
        actions.get(call.action, call.action),
        None,
        call.parameters.get("EncryptionContext"),
    )


def _denied(call: Call, key_id: str) -> str:
    return (
        f"User: {current(call.account_id).arn} is not authorized to perform: kms:{call.action} on "
        f"resource: {key_id} because the resource does not "
        "exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies "
        "access"
    )


def _require_state(action: str, key: Any) -> None:
    if key.key_state == "Disabled" and action in _REFUSED_WHEN_DISABLED:
        raise AwsError("DisabledException", f"{key.arn} is disabled.")
    if key.key_state == "PendingDeletion" and action in _REFUSED_WHEN_PENDING_DELETION:
        raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if key.key_state != "PendingDeletion" and action == "CancelKeyDeletion":
        raise AwsError("KMSInvalidStateException", f"{key.arn} is not pending deletion.")


def _owner(key_id: str) -> str | None:
    return key_id.split(":")[4] if key_id.startswith("arn:") and key_id.count(":") >= 5 else None


def _key(kms: Any, key_id: str) -> Any:
    name = key_id.split(":", 5)[5] if key_id.startswith("arn:") and key_id.count(":") >= 5 else key_id
    if name.startswith("alias/"):
        name = kms.get_key_id_from_alias(name) or ""
    return living(kms, name.removeprefix("key/"))


def _backend(self: Any) -> Any:
    """Of the key's account: whether the caller may ask there was decided before."""
    return kms_backends[_owner(self._get_param("KeyId") or "") or self.current_account][self.region]


class _Keys(KmsResponse):
    def schedule_key_deletion(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"""
        self._validate_cmk_id(self._get_param("KeyId"))
        days, (least, most) = self._get_param("PendingWindowInDays") or _USUAL_WAITING_DAYS, _WAITING_DAYS
        if not least <= days <= most:
            raise JsonRESTError(
                "ValidationException",
                f"1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy "
                f"constraint: Member must have value between {least} and {most}",
            )
        key = self.kms_backend.describe_key(self._get_param("KeyId"))
        deletion = self.kms_backend.schedule_key_deletion(key.id, days)
        return json.dumps(
            {"KeyId": key.arn, "DeletionDate": deletion, "KeyState": key.key_state, "PendingWindowInDays": days}
        )

    def list_keys(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html"""
        keys = [
            {"KeyArn": key.arn, "KeyId": key.id}
            for key in list(self.kms_backend.keys.values())
            if living(self.kms_backend, key.id)
        ]
        return page_of(self, "Keys", keys, _KEYS_A_PAGE)

    def list_aliases(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html"""
        return page_of(self, "Aliases", json.loads(_list_aliases(self))["Aliases"], _ALIASES_A_PAGE)


_list_aliases = KmsResponse.list_aliases


def _by_any_id(original: Any) -> Any:
    """By ARN too: moto takes only plain ids here."""
    return lambda self, key_id: original(self, self.get_key_id(key_id))


def install() -> None:
    KmsResponse.kms_backend = property(_backend)
    extend(KmsResponse, _Keys)
    for name in ("enable_key", "disable_key", "cancel_key_deletion"):
        setattr(KmsBackend, name, _by_any_id(getattr(KmsBackend, name)))
    schedule_key_deletion = KmsBackend.schedule_key_deletion

    def schedule(self: Any, key_id: str, days: int) -> float:
        """Key dates are by the AWS clock."""
        schedule_key_deletion(self, key_id, days)
        key = self.describe_key(key_id)
        deletion = CLOCK.now() + timedelta(days=days).total_seconds()
        key.deletion_date = CLOCK.utcnow() + timedelta(days=days)
        return deletion

    KmsBackend.schedule_key_deletion = schedule
