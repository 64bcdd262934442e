"""Attachments: their rules, their states, and several of them on one Multi-Attach volume.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-attaching-volume.html
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-detaching-volume.html
"""

from __future__ import annotations

import copy
import math
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.block_device import BlockDeviceMapping, BlockDeviceType
from moto.ec2.models.elastic_block_store import EBSBackend, Volume, VolumeAttachment
from moto.ec2.models.instances import Instance
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from ..wire import durations
from ..wire.clock import CLOCK
from ..wire.errors import ec2_error
from ..wire.faults import semantic
from ..wire.lag import LAG, born, shown
from ..wire.patch import extend

# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes-multi.html
MULTI_ATTACH_INSTANCES = 16


def links(volume: Any) -> list[Any]:
    """The attachments that are not over yet."""
    kept = volume.__dict__.setdefault("links", [])
    for link in [each for each in kept if CLOCK.is_past(each.gone_at + LAG.seconds)]:
        kept.remove(link)
    return shown([link for link in kept if not CLOCK.is_past(link.gone_at)])


def _link(volume: Any, instance: Any) -> Any:
    return next((each for each in links(volume) if each.instance is instance), None)


def _require_attachable(volume: Any, instance: Any, device: str) -> None:
    attached = links(volume)
    if attached and not volume.multi_attach_enabled:
        raise ec2_error("VolumeInUse", f"{volume.id} is already attached to an instance")
    if _link(volume, instance):
        raise ec2_error("VolumeInUse", f"{volume.id} is already attached to instance {instance.id}")
    if len(attached) >= MULTI_ATTACH_INSTANCES:
        raise ec2_error("AttachmentLimitExceeded", f"{volume.id} is attached to {MULTI_ATTACH_INSTANCES} instances")
    if not attached and volume.status != "available":
        raise ec2_error("IncorrectState", f"Volume '{volume.id}' is not 'available'.")
    if device in instance.block_device_mapping:
        raise ec2_error(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
        )
    if volume.availability_zone != instance.availability_zone:
        raise ec2_error(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
        )
    if instance.state not in ("running", "stopped"):
        raise ec2_error("IncorrectState", f"Instance '{instance.id}' is not 'running' or 'stopped'.")


class _Backend(EBSBackend):
    def attach_volume(
        self, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False
    ) -> Any:
        volume, instance = self.get_volume(volume_id), self.get_instance(instance_id)
        _require_attachable(volume, instance, device_path)
        return link_up(volume, instance, device_path, delete_on_termination)

    def detach_volume(
        self, volume_id: str, instance_id: str | None, device_path: str | None, force: bool = False
    ) -> Any:
        volume = self.get_volume(volume_id)
        attached = links(volume)
        if not attached:
            raise ec2_error("IncorrectState", f"Volume '{volume_id}' is in the 'available' state.")
        if not instance_id and len(attached) > 1:
            raise ec2_error(
                "InvalidParameterCombination", f"Volume '{volume_id}' is attached to several instances: name one"
            )
        link = next((each for each in attached if instance_id in (None, each.instance.id)), None)
        if link is None:
            raise ec2_error("InvalidAttachment.NotFound", f"Volume '{volume_id}' is not attached to '{instance_id}'")
        if device_path and device_path != link.device:
            raise ec2_error("InvalidAttachment.NotFound", f"Volume '{volume_id}' is not attached as '{device_path}'")
        is_root = link.device == link.instance.root_device_name
        if is_root and link.instance.state not in ("stopped", "shutting-down", "terminated"):
            raise ec2_error(
                "OperationNotPermitted",
                f"Unable to detach root volume '{volume_id}' from instance '{link.instance.id}'",
            )
        if force or (link.gone_at == math.inf and not link.busy):
            _begin_to_detach(link, force)
        return link

    def delete_volume(self, volume_id: str) -> Any:
        volume = self.get_volume(volume_id)
        if links(volume):
            raise ec2_error(
                "VolumeInUse", f"Volume {volume_id} is currently attached to {links(volume)[0].instance.id}"
            )
        return self.volumes.pop(volume_id)


def link_up(volume: Any, instance: Any, device: str, delete_on_termination: bool) -> Any:
    link = VolumeAttachment(volume, instance, device, "attached")
    link.attach_time = CLOCK.utcnow()
    link.attached_at, link.leaves_at, link.gone_at, link.busy = (
        CLOCK.after(durations.VOLUME_ATTACH),
        math.inf,
        math.inf,
        False,
    )
    volume.__dict__.setdefault("links", []).append(born(link))
    block = BlockDeviceType(
        volume_id=volume.id,
        status="attached",
        size=volume.size,
        attach_time=link.attach_time,
        delete_on_termination=delete_on_termination,
    )
    instance.__dict__["devices"][device] = block
    return link


def _begin_to_detach(link: Any, force: bool) -> None:
    """A volume that the machine still has mounted is `busy` until somebody unmounts it, stops the machine or forces
    it."""
    link.busy = not force and link.instance.state == "running" and semantic("sticks") is not None
    link.leaves_at = CLOCK.now()
    link.gone_at = math.inf if link.busy else CLOCK.after(durations.VOLUME_DETACH)


def release_busy(instance: Any) -> None:
    """A stopped machine has nothing mounted."""
    for link in instance_links(instance):
        if link.busy:
            link.busy, link.gone_at = False, CLOCK.after(durations.VOLUME_DETACH)


def drop(link: Any) -> None:
    """At once, as when its instance is terminated."""
    link.gone_at = CLOCK.now()
    links(link.volume)


def instance_links(instance: Any) -> list[Any]:
    volumes = instance.ec2_backend.volumes
    found = (_link(volumes[block.volume_id], instance) for block in instance.block_device_mapping.values())
    return [link for link in found if link]


def _status(link: Any) -> str:
    if CLOCK.is_past(link.leaves_at):
        return "busy" if link.busy else "detaching"
    return "attached" if CLOCK.is_past(link.attached_at) else "attaching"


def _delete_on_termination(link: Any) -> bool:
    block = link.instance.block_device_mapping.get(link.device)
    return bool(block and block.delete_on_termination)


def _devices(instance: Any) -> Any:
    """Without those whose detaching is over; a copy."""
    volumes = instance.ec2_backend.volumes
    found = BlockDeviceMapping()
    for device, block in list(instance.__dict__["devices"].items()):
        link = _link(volumes[block.volume_id], instance) if block.volume_id in volumes else None
        if link and link.device == device:
            found[device] = block
    return found


def _shown_devices(instance: Any) -> list[dict[str, Any]]:
    shown = []
    for device, block in instance.get_block_device_mapping:
        block = copy.copy(block)
        block.status = _status(_link(instance.ec2_backend.volumes[block.volume_id], instance))
        shown.append({"DeviceName": device, "Ebs": block})
    return shown


class _Responses(ElasticBlockStore):
    def detach_volume(self) -> Any:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachVolume.html"""
        self.error_on_dryrun()
        volume_id, instance_id, device = (self._get_param(name) for name in ("VolumeId", "InstanceId", "Device"))
        return ActionResult(
            self.ec2_backend.detach_volume(volume_id, instance_id, device, self._get_bool_param("Force", False))
        )


def install() -> None:
    extend(EBSBackend, _Backend)
    extend(ElasticBlockStore, _Responses)
    Volume.attachment = property(lambda self: next(iter(links(self)), None), lambda self, value: None)
    Volume.attachments = property(lambda self: list(links(self)))
    for name in ("status", "state"):
        setattr(VolumeAttachment, name, property(_status, lambda self, value: None))
    VolumeAttachment.delete_on_termination = property(_delete_on_termination)
    Instance.block_device_mapping = property(_devices, lambda self, value: self.__dict__.__setitem__("devices", value))
    Instance.block_device_mappings = property(_shown_devices)
