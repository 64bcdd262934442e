"""CopyVolumes: a copy that can be used at once and is initialized in the background.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from ..wire import durations
from ..wire.errors import ec2_error
from ..wire.patch import extend
from ..wire.tokens import idempotent
from .blocks import WRITES
from .tags import asked_tags
from .volumes import gone_volume, initializes, is_initialized

# https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
COPIES_PER_REGION = 5
COPIES_PER_SOURCE = 1


class _Responses(ElasticBlockStore):
    def copy_volumes(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyVolumes.html"""
        self.error_on_dryrun()
        backend = self.ec2_backend
        tags = asked_tags(self, "volume")
        source = backend.get_volume(self._get_param("SourceVolumeId"))
        if source.status not in ("available", "in-use"):
            raise ec2_error("IncorrectState", f"Volume '{source.id}' is not 'available' or 'in-use'.")
        _require_room(backend, source)
        encrypted, key = self._get_bool_param("Encrypted", False), self._get_param("KmsKeyId")
        if key and not encrypted:
            raise ec2_error(
                "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set."
            )
        with WRITES:
            # Tags and type are the request's, not the source's.
            copy = backend.create_volume(
                self._get_param("Size"),
                source.availability_zone,
                None,
                encrypted,
                key,
                self._get_param("VolumeType"),
                self._get_param("Iops"),
                self._get_param("Throughput"),
                self._get_param("MultiAttachEnabled"),
                source=source,
            )
        copy.source_volume_id = source.id
        initializes(copy, "volume-copy", durations.INITIALIZATION_MIB_PER_SECOND)
        copy.add_tags(tags.get("volume", {}))
        return ActionResult({"Volumes": [copy]})


def _require_room(backend: Any, source: Any) -> None:
    under_way = [
        v
        for v in list(backend.volumes.values())
        if getattr(v, "source_volume_id", None) and not v.is_gone and not is_initialized(v)
    ]
    if sum(copy.source_volume_id == source.id for copy in under_way) >= COPIES_PER_SOURCE:
        raise ec2_error(
            "ResourceLimitExceeded",
            f"A copy of {source.id} is in progress: {COPIES_PER_SOURCE} at a time for a source volume",
        )
    if len(under_way) >= COPIES_PER_REGION:
        raise ec2_error("ResourceLimitExceeded", f"{COPIES_PER_REGION} volume copies are in progress in this Region")


def install() -> None:
    extend(ElasticBlockStore, _Responses)
    ElasticBlockStore.copy_volumes = idempotent("CopyVolumes", ElasticBlockStore.copy_volumes, gone_volume)
