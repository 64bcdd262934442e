"""KMS keys as EBS and grants use them."""

from __future__ import annotations

from typing import Any

from moto.kms import kms_backends
from moto.kms.exceptions import NotFoundException
from moto.kms.models import KmsBackend

from ..wire.clock import CLOCK


def key_arn(account_id: str, region: str, key_id: str) -> str:
    """The ARN for a key id, key ARN, alias or alias ARN, in the caller's account unless the ARN says otherwise.

    A key that does not exist has an ARN too: EC2 finds out later (key_use).
    """
    owner, key_region = (
        (key_id.split(":")[4], key_id.split(":")[3]) if key_id.startswith("arn:") else (account_id, region)
    )
    name = key_id.split(":", 5)[5] if ":alias/" in key_id else key_id
    try:
        return kms_backends[owner][key_region].describe_key(name).arn
    except (NotFoundException, KeyError):
        return key_id if key_id.startswith("arn:") else f"arn:aws:kms:{region}:{account_id}:key/{key_id}"


def living(kms: Any, key_id: str) -> Any:
    """None for a key that never was, and for one whose waiting period is over:
    https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html"""
    key = kms.keys.get(key_id)
    if key and key.key_state == "PendingDeletion" and key.deletion_date and key.deletion_date <= CLOCK.utcnow():
        kms.delete_key(key_id)
        return None
    return key


def default_key(backend: Any) -> str:
    """The account's default key for EBS in the region: https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html"""
    return backend.default_kms_key_id or backend._create_default_encryption_key()


def is_aws_managed(arn: str) -> bool:
    """Nothing under `aws/ebs` can be shared: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html"""
    account_id, region = arn.split(":")[4], arn.split(":")[3]
    kms = kms_backends[account_id][region]
    return kms.alias_exists("alias/aws/ebs") and kms.describe_key("alias/aws/ebs").arn == arn


def install() -> None:
    create_key = KmsBackend.create_key

    def create_key_with_defaults(self: Any, policy: Any, key_usage: Any, key_spec: Any, *rest: Any, **more: Any) -> Any:
        """KeyUsage and KeySpec default: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html"""
        return create_key(self, policy, key_usage or "ENCRYPT_DECRYPT", key_spec or "SYMMETRIC_DEFAULT", *rest, **more)

    KmsBackend.create_key = create_key_with_defaults
