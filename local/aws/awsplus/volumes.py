"""Volumes: encryption that is inherited, client tokens, attachment rules, states that take time."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_block_store import EBSBackend, Volume, VolumeAttachment
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from . import durations, key_use
from .blocks import holds_content_of
from .clock import CLOCK
from .errors import ec2_error
from .keys import default_key, key_arn
from .lag import born
from .tokens import idempotent


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


def install() -> None:
    create_volume = EBSBackend.create_volume
    attach_volume = EBSBackend.attach_volume
    detach_volume = EBSBackend.detach_volume

    def create(self: Any, size: Any, zone_name: str, snapshot_id: str | None = None, encrypted: bool = False, kms_key_id: str | None = None, volume_type: str | None = None, iops: Any = None, throughput: Any = None, multi_attach_enabled: Any = None, source: Any = None) -> Volume:
        if snapshot_id and source is None:
            source = self.visible_snapshot(snapshot_id)
        if source and size and int(size) < int(source.volume_size):
            raise ec2_error("InvalidParameterValue", f"Volume of {size}GiB is smaller than snapshot '{snapshot_id}'")
        if source and source.status != "completed":
            raise ec2_error("IncorrectState", f"Snapshot '{snapshot_id}' is not 'completed'.")
        encrypted, kms_key_id = encryption(self, encrypted, kms_key_id, source)
        if volume_type == "gp3" and not throughput:
            throughput = 125
        if (volume_type or "gp2") == "gp2" and iops is None:
            size_gib = int(size or (source.volume_size if source else 0))
            gp2_iops = max(100, min(16000, 3 * size_gib))
        else:
            gp2_iops = None
        volume = create_volume(self, int(size or source.volume_size) if (size or source) else None, zone_name, None, encrypted, kms_key_id, volume_type, iops, throughput, multi_attach_enabled)
        volume.snapshot_id = snapshot_id
        if source:
            holds_content_of(volume, source)
        if gp2_iops:
            volume.iops = gp2_iops
        volume.created_at = CLOCK.after(durations.VOLUME_CREATE)
        volume.create_time = CLOCK.utcnow()
        return key_use.begun(born(volume))

    def attach(self: Any, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False) -> Any:
        volume, instance = self.get_volume(volume_id), self.get_instance(instance_id)
        if volume.attachment:
            raise ec2_error("VolumeInUse", f"{volume_id} is already attached to an instance")
        if volume.status == "creating":
            raise ec2_error("IncorrectState", f"Volume '{volume_id}' is not 'available'.")
        if device_path in instance.block_device_mapping:
            raise ec2_error("InvalidParameterValue", f"Invalid value '{device_path}' for unixDevice. Attachment point {device_path} is already in use")
        if volume.availability_zone != instance.availability_zone:
            raise ec2_error("InvalidVolume.ZoneMismatch", f"The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'")
        if instance.state not in ("running", "stopped"):
            raise ec2_error("IncorrectState", f"Instance '{instance_id}' is not 'running' or 'stopped'.")
        attachment = attach_volume(self, volume_id, instance_id, device_path, delete_on_termination)
        attachment.attached_at = CLOCK.after(durations.VOLUME_ATTACH)
        return attachment

    def detach(self: Any, volume_id: str, instance_id: str | None, device_path: str | None) -> Any:
        volume = self.get_volume(volume_id)
        if not volume.attachment:
            raise ec2_error("IncorrectState", f"Volume '{volume_id}' is in the 'available' state.")
        instance = volume.attachment.instance
        if instance_id and instance_id != instance.id:
            raise ec2_error("InvalidAttachment.NotFound", f"Volume '{volume_id}' is not attached to '{instance_id}'")
        is_root = volume.attachment.device == instance.root_device_name
        if is_root and instance.state not in ("stopped", "shutting-down", "terminated"):
            raise ec2_error("OperationNotPermitted", f"Unable to detach root volume '{volume_id}' from instance '{instance.id}'")
        return detach_volume(self, volume_id, instance.id, device_path)

    def status(self: Any) -> str:
        if self.attachment:
            return "in-use"
        if not CLOCK.is_past(getattr(self, "created_at", 0)):
            return "creating"
        if "made" not in self.__dict__:
            self.__dict__["made"] = "error" if key_use.problem_of(self) else "available"
        return self.__dict__["made"]

    def delete_on_termination(self: Any) -> bool:
        block = self.instance.block_device_mapping.get(self.device)
        return bool(block and block.delete_on_termination)

    def attachment_status(self: Any) -> str:
        if self.__dict__.get("_status") == "attached" and not CLOCK.is_past(getattr(self, "attached_at", 0)):
            return "attaching"
        return self.__dict__["_status"]

    def set_attachment_status(self: Any, value: str) -> None:
        self.__dict__["_status"] = value

    EBSBackend.create_volume = create
    EBSBackend.attach_volume = attach
    EBSBackend.detach_volume = detach
    Volume.status = property(status)
    VolumeAttachment.status = property(attachment_status, set_attachment_status)
    VolumeAttachment.state = VolumeAttachment.status
    VolumeAttachment.delete_on_termination = property(delete_on_termination)
    ElasticBlockStore.create_volume = idempotent("CreateVolume", ElasticBlockStore.create_volume)
