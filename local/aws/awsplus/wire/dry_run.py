"""DryRun: whether a call would be allowed, without making it.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html (DryRun),
https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from moto.ec2.models import ec2_backends

from .calls import Call
from .errors import AwsError
from .gateway import App, Start

_UNKNOWN = {"vol": "InvalidVolume.NotFound", "i": "InvalidInstanceID.NotFound"}
_ID = re.compile(r"(vol|i)-[0-9a-f]+$")

# https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html
_KMS_ACTIONS = {
    "CreateGrant",
    "Decrypt",
    "DeriveSharedSecret",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "RetireGrant",
    "RevokeGrant",
    "Sign",
    "Verify",
    "VerifyMac",
}


def only_ask(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway, after those that refuse: what comes this far is allowed."""
    if call.service == "ec2" and str(call.parameters.get("DryRun", "")).lower() == "true":
        _require_known(call)
        raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    if call.service == "kms" and call.action in _KMS_ACTIONS and call.parameters.get("DryRun") is True:
        raise AwsError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
    return onward(environ, start)


def _require_known(call: Call) -> None:
    """Volumes and instances are nobody else's; snapshots may be another account's, shared."""
    backend = ec2_backends[call.account_id][call.region]
    volumes, instances = list(backend.volumes.values()), backend.all_instances()
    known = {"vol": {each.id for each in volumes if not each.is_gone}, "i": {each.id for each in instances}}
    for value in call.parameters.values():
        match = _ID.match(value) if isinstance(value, str) else None
        if match and value not in known[match[1]]:
            raise AwsError(_UNKNOWN[match[1]], f"The ID '{value}' does not exist")
