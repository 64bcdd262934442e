"""Images: real snapshots of every device, copies under keys, launch permissions that others see."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidAMIIdError, MalformedAMIIdError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import generic_filter, random_ami_id

from ..iam.accounts import backend_of, others
from ..iam.organizations import is_within
from ..wire import durations
from ..wire.clock import CLOCK
from ..wire.errors import ec2_error
from ..wire.lag import born, shown
from ..wire.pages import paged
from ..wire.patch import extend
from ..wire.tokens import idempotent
from .image_care import is_deprecated
from .snapshots import own_view
from .tags import asked_tags


def launchable_by(image: Any, account_id: str) -> bool:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharing-amis.html"""
    if image.is_public or {"UserId": account_id} in image.launch_permissions:
        return True
    arns = [
        permission.get("OrganizationArn") or permission.get("OrganizationalUnitArn")
        for permission in image.launch_permissions
    ]
    return any(is_within(account_id, arn) for arn in arns if arn)


class _WithoutAutoSnapshot:
    """moto gives every image a snapshot of nothing; ours have those of their devices."""

    makes_its_snapshots = True

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def create_volume(self, **_: Any) -> Any:
        return SimpleNamespace(id="")

    def create_snapshot(self, *_: Any, **__: Any) -> None:
        return None

    def delete_volume(self, _: str) -> None:
        return None


def _require_free(backend: Any, name: str) -> None:
    """Before any snapshot is made: a refused call leaves nothing."""
    if any(image.name == name for image in backend.amis.values()):
        raise ec2_error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use")


def _new_image(
    backend: Any,
    name: str,
    description: str | None,
    devices: list[dict[str, Any]],
    instance: Any = None,
    source: Any = None,
) -> Any:
    _require_free(backend, name)
    image = Ami(
        _WithoutAutoSnapshot(backend),
        random_ami_id(),
        instance=instance,
        source_ami=source,
        name=name,
        description=description or "",
        root_device_type="ebs",
        owner_id=backend.account_id,
    )
    image.ec2_backend = backend
    image.devices = devices
    _sourced(image, instance, source)
    sizes = [device["Ebs"].get("VolumeSize") or 0 for device in devices if "Ebs" in device]
    image.available_at = CLOCK.after(durations.IMAGE_BASE + durations.snapshot(max(sizes, default=0), None))
    for device in devices:
        snapshot = backend.snapshots.get(device.get("Ebs", {}).get("SnapshotId"))
        if snapshot:
            snapshot.from_ami = image.id
    backend.amis[image.id] = born(image)
    return image


def _sourced(image: Any, instance: Any, source: Any) -> None:
    """What EC2 itself records of what an image was made of, and nobody can write (moto tells the instance):
    CreateImage tells its image, CopyImage
    the image that it copies, RegisterImage nothing: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html"""
    image.source_image_id = instance.image_id if instance else source.id if source else None
    image.source_image_region = (
        instance.ec2_backend.region_name if instance else source.ec2_backend.region_name if source else None
    )


def _tagged(backend: Any, image: Any, tags: dict[str, dict[str, str]]) -> Any:
    image.add_tags(tags.get("image", {}))
    for device in image.devices:
        snapshot = backend.snapshots.get(device.get("Ebs", {}).get("SnapshotId"))
        if snapshot:
            snapshot.add_tags(tags.get("snapshot", {}))
    return image


def _describe_snapshots(backend: Any, image: Any, describe: Callable[[str], str]) -> None:
    """The words that EC2 itself writes on an image's snapshots name the image; until now they name their source."""
    for device in image.devices:
        snapshot = backend.snapshots.get(device.get("Ebs", {}).get("SnapshotId"))
        if snapshot:
            snapshot.description = describe(snapshot.description)


def _device(name: str, snapshot: Any, volume: Any, delete_on_termination: bool) -> dict[str, Any]:
    ebs = {
        "SnapshotId": snapshot.id,
        "VolumeSize": snapshot.volume_size,
        "VolumeType": volume.volume_type,
        "DeleteOnTermination": delete_on_termination,
        "Encrypted": snapshot.encrypted,
    }
    if volume.volume_type in ("gp3", "io1", "io2"):
        ebs["Iops"] = volume.iops
    if volume.volume_type == "gp3":
        ebs["Throughput"] = volume.throughput
    return {"DeviceName": name, "Ebs": ebs}


def require_well_formed(image_ids: list[str]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidAMIID.Malformed)"""
    malformed = [each for each in image_ids if not AmiBackend.AMI_REGEX.fullmatch(each or "")]
    if malformed:
        raise MalformedAMIIdError(malformed)


def visible_image(backend: Any, image_id: str) -> Any:
    require_well_formed([image_id])
    if image_id in backend.amis:
        return backend.amis[image_id]
    for other in others(backend):
        image = other.amis.get(image_id)
        if image and launchable_by(image, backend.account_id):
            return image
    raise InvalidAMIIdError([image_id])


def describe_images(
    self: Any, ami_ids: Any = None, filters: Any = None, exec_users: Any = None, owners: Any = None
) -> list[Any]:
    shared = [i for other in others(self) for i in list(other.amis.values()) if launchable_by(i, self.account_id)]
    images = shown(list(self.amis.values()) + shared)
    if ami_ids:
        require_well_formed(ami_ids)
        missing = [i for i in ami_ids if i not in {image.id for image in images}]
        if missing:
            raise InvalidAMIIdError(missing)
        images = [image for image in images if image.id in ami_ids]
    if exec_users:
        users = {self.account_id if u == "self" else u for u in exec_users}
        images = [
            image
            for image in images
            if image.is_public or any({"UserId": u} in image.launch_permissions for u in users)
        ]
    if owners:
        ids = {self.account_id if o == "self" else o for o in owners}
        images = [image for image in images if image.owner_id in ids or image.owner_alias in ids]
    filters = dict(filters or {})
    used = filters.pop("block-device-mapping.snapshot-id", None)
    if used:
        images = [i for i in images if any(d.get("Ebs", {}).get("SnapshotId") in used for d in i.block_device_mappings)]
    return generic_filter(filters, images) if filters else images


class _Responses(AmisResponse):
    def create_image(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html"""
        self.error_on_dryrun()
        backend, name, tags = self.ec2_backend, self._get_param("Name"), asked_tags(self, "image", "snapshot")
        instance = backend.get_instance(self._get_param("InstanceId"))
        _require_free(backend, name)
        devices = []
        for device, block in instance.get_block_device_mapping:
            volume = backend.get_volume(block.volume_id)
            snapshot = backend.create_snapshot(volume.id, "")
            devices.append(_device(device, snapshot, volume, bool(block.delete_on_termination)))
        image = _new_image(backend, name, self._get_param("Description"), devices, instance=instance)
        _describe_snapshots(backend, image, lambda _: f"Created by CreateImage({instance.id}) for {image.id}")
        image.root_device_name = instance.root_device_name
        return ActionResult({"ImageId": _tagged(backend, image, tags).id})

    def copy_image(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html"""
        self.error_on_dryrun()
        backend, region, tags = self.ec2_backend, self._get_param("SourceRegion"), asked_tags(self, "image", "snapshot")
        source = visible_image(backend_of(self.current_account, region), self._get_param("SourceImageId"))
        if source.state != "available":
            raise ec2_error("InvalidAMIID.Unavailable", f"The image {source.id} is not available")
        _require_free(backend, self._get_param("Name") or source.name)
        encrypted, key = self._get_bool_param("Encrypted", False), self._get_param("KmsKeyId")
        devices = []
        for device in source.block_device_mappings:
            ebs = dict(device.get("Ebs", {}))
            if ebs.get("SnapshotId"):
                snapshot = backend.copy_snapshot(ebs["SnapshotId"], region, ebs["SnapshotId"], encrypted, key)
                ebs.update(SnapshotId=snapshot.id, Encrypted=snapshot.encrypted)
            devices.append({**device, "Ebs": ebs})
        image = _new_image(
            backend, self._get_param("Name") or source.name, self._get_param("Description"), devices, source=source
        )
        _describe_snapshots(
            backend,
            image,
            lambda copied: (
                f"Copied for DestinationAmi {image.id} from SourceAmi {source.id} for SourceSnapshot {copied}. "
                f"Task created on {int(CLOCK.now() * 1000):,}."
            ),
        )
        image.root_device_name = source.root_device_name
        if self._get_bool_param("CopyImageTags", False):
            image.add_tags({t["key"]: t["value"] for t in source.get_tags()})
        return ActionResult({"ImageId": _tagged(backend, image, tags).id})

    def register_image(self) -> ActionResult:
        self.error_on_dryrun()
        tags = asked_tags(self, "image")
        devices = [
            {"DeviceName": d.get("DeviceName"), "Ebs": dict(d.get("Ebs", {}))}
            for d in self._get_param("BlockDeviceMappings", [])
        ]
        for device in devices:
            snapshot_id = device["Ebs"].get("SnapshotId")
            if snapshot_id:
                snapshot = self.ec2_backend.visible_snapshot(snapshot_id)
                device["Ebs"].setdefault("VolumeSize", snapshot.volume_size)
                device["Ebs"]["Encrypted"] = snapshot.encrypted
        image = _new_image(self.ec2_backend, self._get_param("Name"), self._get_param("Description"), devices)
        image.root_device_name = self._get_param("RootDeviceName") or "/dev/sda1"
        image.architecture = self._get_param("Architecture") or "x86_64"
        image.virtualization_type = self._get_param("VirtualizationType") or "hvm"
        image.available_at = 0
        return ActionResult({"ImageId": _tagged(self.ec2_backend, image, tags).id})

    def describe_images(self) -> ActionResult:
        ids = self._get_param("ImageIds", [])
        found = self.ec2_backend.describe_images(
            ids,
            self._filters_from_querystring(),
            self._get_param("ExecutableUsers", []),
            self._get_param("Owners", []),
        )
        # Others do not see deprecated images unless they ask for them.
        if not ids and not self._get_bool_param("IncludeDeprecated", False):
            found = [image for image in found if image.owner_id == self.current_account or not is_deprecated(image)]
        # Disabled ones nobody sees who does not ask for them: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/disable-an-ami.html
        if not ids and not self._get_bool_param("IncludeDisabled", False):
            found = [image for image in found if image.state != "disabled"]
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"Images": [own_view(i, self.current_account) for i in page], "NextToken": token})

    def deregister_image(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html"""
        self.error_on_dryrun()
        image = self.ec2_backend.amis.get(self._get_param("ImageId"))
        self.ec2_backend.deregister_image(self._get_param("ImageId"))
        if image and self._get_bool_param("DeleteAssociatedSnapshots", False):
            for device in image.block_device_mappings:
                if device.get("Ebs", {}).get("SnapshotId") in self.ec2_backend.snapshots:
                    self.ec2_backend.delete_snapshot(device["Ebs"]["SnapshotId"])
        return ActionResult({"Return": True})


def _state(self: Any) -> str:
    value = self.__dict__.get("_state", "available")
    if value == "available" and _broken_snapshot(self):
        return "failed"
    if value == "available" and not CLOCK.is_past(self.__dict__.get("available_at", 0)):
        return "pending"
    return value


def _broken_snapshot(image: Any) -> Any:
    snapshots = (
        image.ec2_backend.snapshots.get(d.get("Ebs", {}).get("SnapshotId")) for d in image.block_device_mappings
    )
    return next((s for s in snapshots if s is not None and s.status == "error"), None)


def _state_reason(self: Any) -> dict[str, str] | None:
    broken = _broken_snapshot(self)
    return {"Code": "Client.InvalidSnapshot", "Message": f"{broken.id}: {broken.state_message}"} if broken else None


def install() -> None:
    moto_devices = Ami.block_device_mappings
    Ami.state = property(_state, lambda self, value: self.__dict__.__setitem__("_state", value))
    Ami.state_reason = property(_state_reason)
    Ami.block_device_mappings = property(
        lambda self: self.__dict__.get("devices") if "devices" in self.__dict__ else moto_devices.fget(self)
    )
    AmiBackend.describe_images = describe_images
    describe_image_attribute = AmiBackend.describe_image_attribute

    def attribute(self: Any, ami_id: str, attribute_name: str) -> Any:
        if ami_id not in self.amis:
            raise InvalidAMIIdError([ami_id])
        return describe_image_attribute(self, ami_id, attribute_name)

    AmiBackend.describe_image_attribute = attribute
    extend(AmisResponse, _Responses)
    AmisResponse.copy_image = idempotent("CopyImage", AmisResponse.copy_image)
