"""Volumes: encryption that is inherited, client tokens, and states that take time."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidVolumeIdError
from moto.ec2.models.elastic_block_store import EBSBackend, Volume
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter, random_volume_id

from ..kms import key_use
from ..kms.keys import default_key, key_arn
from ..wire import durations
from ..wire.clock import CLOCK
from ..wire.errors import ec2_error
from ..wire.lag import born
from ..wire.limits import require_room_for_volume
from ..wire.pages import paged
from ..wire.patch import extend
from ..wire.tokens import idempotent
from . import volume_rules
from .blocks import holds_content_of
from .tags import asked_tags


def encryption(backend: Any, encrypted: bool, kms_key_id: str | None, source: Any = None) -> tuple[bool, str | None]:
    """What becomes encrypted, and under which key, for a new volume or copy of `source`.

    https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html#ebs-encryption-outcomes
    """
    if kms_key_id:
        return True, key_arn(backend.account_id, backend.region_name, kms_key_id)
    if source is not None and source.encrypted:
        own_region = source.kms_key_id and source.kms_key_id.split(":")[3] == backend.region_name
        return True, source.kms_key_id if own_region else default_key(backend)
    if encrypted or backend.get_ebs_encryption_by_default():
        return True, default_key(backend)
    return False, None


_get_volume = EBSBackend.get_volume


class _Backend(EBSBackend):
    def get_volume(self, volume_id: str) -> Volume:
        volume = _get_volume(self, volume_id)
        if volume.is_gone:
            raise InvalidVolumeIdError(volume_id)
        return volume

    def describe_volumes(self, volume_ids: list[str] | None = None, filters: Any = None) -> list[Volume]:
        wanted = dict.fromkeys(volume_ids or self.volumes)
        found = [volume for volume in (self.volumes.get(each) for each in wanted) if volume and not volume.is_gone]
        if volume_ids and len(found) < len(wanted):
            raise InvalidVolumeIdError(sorted(wanted.keys() - {volume.id for volume in found})[0])
        return generic_filter(filters, found) if filters else found

    def create_volume(
        self,
        size: Any,
        zone_name: str,
        snapshot_id: str | None = None,
        encrypted: bool = False,
        kms_key_id: str | None = None,
        volume_type: str | None = None,
        iops: Any = None,
        throughput: Any = None,
        multi_attach_enabled: Any = None,
        source: Any = None,
    ) -> Volume:
        """`source`: the snapshot or volume whose content and encryption it inherits, where the caller already looked
        it up."""
        if snapshot_id and source is None:
            source = _usable_snapshot(self, snapshot_id)
        size_gib = int(size or (source.volume_size if source else 0))
        if not size_gib:
            raise ec2_error("MissingParameter", "The request must contain the parameter size/snapshot")
        if source and size_gib < int(source.volume_size):
            raise ec2_error(
                "InvalidParameterValue",
                f"Volume of {size_gib}GiB is smaller than snapshot '{snapshot_id or source.id}'",
            )
        zone = self.get_zone_by_name(zone_name)
        if zone is None:
            raise ec2_error("InvalidZone.NotFound", f"The zone '{zone_name}' does not exist.")
        kind = volume_type or "gp2"
        volume_rules.require_valid(kind, size_gib, _int(iops), _int(throughput), bool(multi_attach_enabled))
        encrypted, kms_key_id = encryption(self, encrypted, kms_key_id, source)
        iops, throughput = volume_rules.with_defaults(kind, size_gib, iops, throughput)
        require_room_for_volume(self, kind, size_gib, iops)
        volume = Volume(
            self,
            random_volume_id(),
            size_gib,
            zone,
            snapshot_id,
            encrypted,
            kms_key_id,
            kind,
            iops,
            throughput,
            bool(multi_attach_enabled),
        )
        if source:
            holds_content_of(volume, source)
        volume.created_at = CLOCK.after(durations.VOLUME_CREATE)
        volume.create_time = CLOCK.utcnow()
        self.volumes[volume.id] = volume
        begun = key_use.begun(born(volume))
        _made(begun)
        return begun


def _usable_snapshot(backend: Any, snapshot_id: str) -> Any:
    snapshot = backend.visible_snapshot(snapshot_id)
    if snapshot.status != "completed":
        raise ec2_error("IncorrectState", f"Snapshot '{snapshot_id}' is not 'completed'.")
    if snapshot.storage_tier == "archive":
        raise ec2_error("IncorrectState", f"Snapshot '{snapshot_id}' is archived: restore it first")
    return snapshot


def _int(value: Any) -> int | None:
    return int(value) if value else None


def _status(self: Any) -> str:
    if self.attachment:
        return "in-use"
    made = _made(self)
    # Nobody has ever seen more of one that vanishes.
    return "creating" if made == "gone" else made


def _made(volume: Any) -> str:
    """What has become of it, once it had its time: judged once, by the key as it was then."""
    if not CLOCK.is_past(getattr(volume, "created_at", 0)):
        return "creating"
    if "made" not in volume.__dict__:
        problem = key_use.problem_of(volume)
        volume.__dict__["made"] = "available" if not problem else "error" if volume.doomed else "gone"
    return volume.__dict__["made"]


def _is_gone(volume: Any) -> bool:
    """It was accepted, and its key cannot be used: https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html"""
    return not volume.attachment and _made(volume) == "gone"


def gone_volume(answer: ActionResult) -> bool:
    """Whether what a first call made is not there any more."""
    made = answer.result
    volumes = made["Volumes"] if isinstance(made, dict) else [made]
    return any(volume.is_gone or volume.id not in volume.ec2_backend.volumes for volume in volumes)


class _Responses(ElasticBlockStore):
    def create_volume(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html"""
        self.error_on_dryrun()
        tags = asked_tags(self, "volume")
        encrypted, key = self._get_bool_param("Encrypted", False), self._get_param("KmsKeyId")
        if key and not encrypted:
            raise ec2_error(
                "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set."
            )
        volume = self.ec2_backend.create_volume(
            self._get_param("Size"),
            self._get_param("AvailabilityZone"),
            self._get_param("SnapshotId"),
            encrypted,
            key,
            self._get_param("VolumeType"),
            self._get_param("Iops"),
            self._get_param("Throughput"),
            self._get_param("MultiAttachEnabled"),
        )
        rate = self._get_param("VolumeInitializationRate")
        initializes(volume, "provisioned" if rate else "default", rate or durations.INITIALIZATION_MIB_PER_SECOND)
        volume.volume_initialization_rate = rate
        volume.add_tags(tags.get("volume", {}))
        return ActionResult(volume)

    def describe_volumes(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html"""
        found = self.ec2_backend.describe_volumes(self._get_param("VolumeIds", []), self._filters_from_querystring())
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"Volumes": page, "NextToken": token})

    def describe_volume_status(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeStatus.html"""
        found = self.ec2_backend.describe_volumes(self._get_param("VolumeIds", []), self._filters_from_querystring())
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"VolumeStatuses": [_told_status(volume) for volume in page], "NextToken": token})


def initializes(volume: Any, kind: str, mib_per_second: float) -> None:
    """From now on, while it can already be used; only what has a source has blocks to fetch.

    https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html
    """
    seconds = volume.size * 1024 / mib_per_second if volume.snapshot_id or kind == "volume-copy" else 0
    volume.initialization = (kind, volume.created_at, volume.created_at + (seconds if CLOCK.speed is not None else 0))


def is_initialized(volume: Any) -> bool:
    return CLOCK.is_past(getattr(volume, "initialization", ("", 0, 0))[2])


def _told_status(volume: Any) -> dict[str, Any]:
    kind, begun, done = getattr(volume, "initialization", ("default", 0, 0))
    progress = 100 if CLOCK.is_past(done) else max(0, int(100 * (CLOCK.now() - begun) / (done - begun)))
    details = {
        "InitializationType": kind,
        "Progress": progress,
        "EstimatedTimeToCompleteInSeconds": max(0, int(done - CLOCK.now())),
    }
    return {
        "VolumeId": volume.id,
        "AvailabilityZone": volume.availability_zone,
        "Actions": [],
        "Events": [],
        "VolumeStatus": {"Status": "ok", "Details": [{"Name": "io-enabled", "Status": "passed"}]},
        "InitializationStatusDetails": details,
    }


def install() -> None:
    extend(EBSBackend, _Backend)
    extend(ElasticBlockStore, _Responses)
    Volume.status = property(_status)
    Volume.is_gone = property(_is_gone)
    # A clone's source is a volume, and is asked as a snapshot would be.
    Volume.volume_size = property(lambda self: self.size)
    ElasticBlockStore.create_volume = idempotent("CreateVolume", ElasticBlockStore.create_volume, gone_volume)
