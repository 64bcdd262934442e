"""The account's default key for EBS, and the keys that AWS manages."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.kms import kms_backends
from moto.kms.models import KmsBackend

from ..wire.patch import extend
from .keys import default_key


class _DefaultKey(ElasticBlockStore):
    def get_ebs_default_kms_key_id(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetEbsDefaultKmsKeyId.html"""
        self.error_on_dryrun()
        return ActionResult({"KmsKeyId": default_key(self.ec2_backend)})

    def reset_ebs_default_kms_key_id(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetEbsDefaultKmsKeyId.html"""
        self.error_on_dryrun()
        self.ec2_backend.default_kms_key_id = ""
        return ActionResult({"KmsKeyId": default_key(self.ec2_backend)})


def _policy(account_id: str, region: str) -> str:
    """Whoever in the account may use EBS: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key"""
    through_ec2 = {"StringEquals": {"kms:CallerAccount": account_id, "kms:ViaService": f"ec2.{region}.amazonaws.com"}}
    uses = [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:CreateGrant",
        "kms:DescribeKey",
    ]
    looks = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"]
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": uses, "Resource": "*", "Condition": through_ec2},
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"}, "Action": looks, "Resource": "*"},
    ]
    return json.dumps({"Version": "2012-10-17", "Id": "auto-ebs-2", "Statement": statements})


def install() -> None:
    extend(ElasticBlockStore, _DefaultKey)
    generate_default_keys = KmsBackend._generate_default_keys

    def generate_aws_managed(self: Any, alias_name: str) -> Any:
        """AWS manages the keys behind `alias/aws/…`."""
        key_id = generate_default_keys(self, alias_name)
        if key_id:
            self.keys[key_id].key_manager = "AWS"
        return key_id

    create_default_encryption_key = EBSBackend._create_default_encryption_key

    def create_aws_ebs(self: Any) -> Any:
        arn = create_default_encryption_key(self)
        key = kms_backends[self.account_id][self.region_name].describe_key("alias/aws/ebs")
        key.key_manager, key.policy = "AWS", _policy(self.account_id, self.region_name)
        return arn

    EBSBackend._create_default_encryption_key = create_aws_ebs
    KmsBackend._generate_default_keys = generate_aws_managed
