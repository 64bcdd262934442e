"""Multi-Region keys: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html"""

from __future__ import annotations

import copy
import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms import kms_backends
from moto.kms.models import Key
from moto.kms.responses import KmsResponse

from ..wire.patch import extend


class _Replicas(KmsResponse):
    def replicate_key(self) -> str:
        """Policy, description, tags and grants are each replica's own: https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html"""
        self._validate_cmk_id(self._get_param("KeyId"))
        key, region = self.kms_backend.describe_key(self._get_param("KeyId")), self._get_param("ReplicaRegion")
        if not key.multi_region or is_replica(key):
            raise JsonRESTError("UnsupportedOperationException", f"{key.arn} is not a multi-Region primary key")
        there = kms_backends[key.account_id][region]
        if region == key.region or key.id in there.keys:
            raise JsonRESTError("AlreadyExistsException", f"{region} already has a key {key.id}")
        there.keys[key.id] = replica = _replica(key, region, self._get_param("Policy"), self._get_param("Description"))
        tags = self._get_param("Tags") or []
        if tags:
            there.tag_resource(replica.id, {tag["TagKey"]: tag.get("TagValue") for tag in tags})
        key.replica_regions = [*getattr(key, "replica_regions", []), region]
        return json.dumps(
            {
                "ReplicaKeyMetadata": replica.to_dict()["KeyMetadata"],
                "ReplicaPolicy": replica.policy,
                "ReplicaTags": tags,
            }
        )


def is_replica(key: Any) -> bool:
    return hasattr(key, "primary")


def _replica(key: Any, region: str, policy: str | None, description: str | None) -> Any:
    replica = copy.copy(key)
    replica.region, replica.arn, replica.primary = region, _arn(key, region), key
    replica.policy = policy or replica.generate_default_policy()
    replica.description = description or ""
    replica.grants, replica.aliases = {}, {}
    return replica


def _arn(key: Any, region: str) -> str:
    return f"arn:aws:kms:{region}:{key.account_id}:key/{key.id}"


def _configuration(key: Any) -> dict[str, Any]:
    primary = getattr(key, "primary", key)
    regions = [
        region
        for region in getattr(primary, "replica_regions", [])
        if primary.id in kms_backends[primary.account_id][region].keys
    ]
    return {
        "MultiRegionKeyType": "REPLICA" if is_replica(key) else "PRIMARY",
        "PrimaryKey": {"Arn": primary.arn, "Region": primary.region},
        "ReplicaKeys": [{"Arn": _arn(primary, region), "Region": region} for region in regions],
    }


def install() -> None:
    extend(KmsResponse, _Replicas)
    Key.multi_region_configuration = property(_configuration, lambda self, value: None)
