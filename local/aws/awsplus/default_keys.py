"""The account's default key for EBS, and what KMS tells about keys."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.kms import kms_backends
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

from .keys import default_key

# https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
ROTATION_DAYS = 365


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


class _Rotation(KmsResponse):
    def enable_key_rotation(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"""
        key_id = self._get_param("KeyId")
        self._validate_cmk_id(key_id)
        self.kms_backend.enable_key_rotation(key_id)
        key = self.kms_backend.describe_key(key_id)
        key.rotation_days = self._get_param("RotationPeriodInDays") or getattr(key, "rotation_days", ROTATION_DAYS)
        return json.dumps(None)

    def get_key_rotation_status(self) -> str:
        key_id = self._get_param("KeyId")
        self._validate_cmk_id(key_id)
        key = self.kms_backend.describe_key(key_id)
        status = {"KeyId": key.id, "KeyRotationEnabled": key.key_rotation_status}
        if key.key_rotation_status:
            status["RotationPeriodInDays"] = getattr(key, "rotation_days", ROTATION_DAYS)
        return json.dumps(status)


def install() -> None:
    for owner, extension in ((ElasticBlockStore, _DefaultKey), (KmsResponse, _Rotation)):
        for name, function in vars(extension).items():
            if not name.startswith("__"):
                setattr(owner, name, function)

    generate_default_keys = KmsBackend._generate_default_keys
    enable_key, disable_key = KmsBackend.enable_key, KmsBackend.disable_key
    schedule_key_deletion = KmsBackend.schedule_key_deletion

    def generate_aws_managed(self: Any, alias_name: str) -> Any:
        """AWS manages the keys behind `alias/aws/…`."""
        key_id = generate_default_keys(self, alias_name)
        if key_id:
            self.keys[key_id].key_manager = "AWS"
        return key_id

    create_default_encryption_key = EBSBackend._create_default_encryption_key

    def create_aws_ebs(self: Any) -> Any:
        arn = create_default_encryption_key(self)
        kms_backends[self.account_id][self.region_name].describe_key("alias/aws/ebs").key_manager = "AWS"
        return arn

    EBSBackend._create_default_encryption_key = create_aws_ebs
    KmsBackend._generate_default_keys = generate_aws_managed
    KmsBackend.enable_key = lambda self, key_id: enable_key(self, self.get_key_id(key_id))
    KmsBackend.schedule_key_deletion = lambda self, key_id, days: schedule_key_deletion(self, self.get_key_id(key_id), days)
    KmsBackend.disable_key = lambda self, key_id: disable_key(self, self.get_key_id(key_id))
