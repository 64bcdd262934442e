"""Replace-root tasks: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html"""

from __future__ import annotations

import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter

from ..iam.accounts import backend_of
from ..wire import durations
from ..wire.clock import CLOCK, date_of
from ..wire.errors import ec2_error
from ..wire.faults import semantic
from ..wire.pages import paged
from ..wire.patch import extend
from ..wire.tokens import idempotent
from .attachments import drop, instance_links, link_up
from .images import visible_image
from .instances import reboot
from .tags import asked_tags
from .volumes import initializes


class ReplaceRootTask:
    """The root is swapped at the end; what fails before leaves the instance with its old one, or with none."""

    def __init__(self, backend: Any, instance: Any, new: Any, asked: dict[str, Any]) -> None:
        self.id = f"replacevol-{uuid.uuid4().hex[:17]}"
        self.backend, self.instance, self.new, self.asked = backend, instance, new, asked
        self.started, self.done_at = CLOCK.utcnow(), CLOCK.after(durations.REPLACE_ROOT)
        self.fails, self.detaches, self.becomes = semantic("fails"), bool(semantic("detaches")), semantic("becomes")
        self.ended = ""

    def settle(self) -> None:
        if not self.ended and CLOCK.is_past(self.done_at):
            self.ended = self._end()

    @property
    def state(self) -> str:
        self.settle()
        return self.ended or self._on_its_way((self.done_at - CLOCK.now()) / durations.REPLACE_ROOT)

    def _on_its_way(self, left: float) -> str:
        if left > 0.5:
            return "pending"
        if self.fails and left < 0.25:
            return "failing-detached" if self.detaches else "failing"
        return "in-progress"

    def _end(self) -> str:
        old = _root_link(self.instance)
        if self.fails and self.detaches:
            # Without its root it does not run; nothing else of it is changed.
            drop(old)
            self.instance.stop()
            return "failed-detached"
        if self.fails or self.new.status != "available" or self.instance.state != "running":
            return "failed"
        keeps = self.instance.block_device_mapping[old.device].delete_on_termination
        drop(old)
        link_up(self.new, self.instance, old.device, keeps)
        if self.becomes:
            self.new.volume_type, self.new.iops, self.new.throughput = self.becomes, None, None
        _lineage(self.instance).add(self.new.id)
        reboot(self.instance)
        if self.asked["DeleteReplacedRootVolume"]:
            self.backend.volumes.pop(old.volume.id, None)
        return "succeeded"

    def told(self) -> dict[str, Any]:
        done = (
            {"CompleteTime": date_of(self.done_at).replace(tzinfo=None).isoformat() + "Z"}
            if self.state in ("succeeded", "failed", "failed-detached")
            else {}
        )
        tags = [{"Key": key, "Value": value} for key, value in self.backend.tags.get(self.id, {}).items()]
        return {
            "ReplaceRootVolumeTaskId": self.id,
            "InstanceId": self.instance.id,
            "TaskState": self.state,
            "StartTime": self.started.isoformat() + "Z",
            "Tags": tags,
            **self.asked,
            **done,
        }

    def get_filter_value(self, name: str, method_name: str | None = None) -> Any:
        return {"instance-id": self.instance.id}.get(name)


class _Responses(ElasticBlockStore):
    def create_replace_root_volume_task(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateReplaceRootVolumeTask.html"""
        self.error_on_dryrun()
        backend, tags = (
            self.ec2_backend,
            asked_tags(self, "replace-root-volume-task").get("replace-root-volume-task", {}),
        )
        instance = backend.get_instance(self._get_param("InstanceId"))
        if instance.state != "running":
            raise ec2_error("IncorrectInstanceState", f"The instance '{instance.id}' is not 'running'.")
        if any(
            task.instance is instance and task.state in ("pending", "in-progress") for task in _tasks(backend).values()
        ):
            raise ec2_error("IncorrectState", f"A root volume replacement of {instance.id} is in progress")
        asked = {name: self._get_param(name) for name in ("SnapshotId", "ImageId") if self._get_param(name)}
        asked["DeleteReplacedRootVolume"] = self._get_bool_param("DeleteReplacedRootVolume", False)
        volume_id, rate = self._get_param("VolumeId"), self._get_param("VolumeInitializationRate")
        _require_one_source(volume_id, asked)
        _lineage(instance).add(_root_link(instance).volume.id)
        new = _own_root(backend, instance, volume_id) if volume_id else _new_root(backend, instance, asked, rate)
        task = ReplaceRootTask(backend, instance, new, asked)
        _tasks(backend)[task.id] = task
        if tags:
            backend.tags[task.id].update(tags)
        return ActionResult({"ReplaceRootVolumeTask": task.told()})

    def describe_replace_root_volume_tasks(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeReplaceRootVolumeTasks.html"""
        settle(self.ec2_backend)
        ids, filters = self._get_param("ReplaceRootVolumeTaskIds", []), self._filters_from_querystring()
        found = [task for task in _tasks(self.ec2_backend).values() if not ids or task.id in ids]
        found = generic_filter(filters, found) if filters else found
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"ReplaceRootVolumeTasks": [task.told() for task in page], "NextToken": token})


def settle(backend: Any) -> None:
    """What is due by now has happened, whether or not anybody asked for the task."""
    for task in _tasks(backend).values():
        task.settle()


def _tasks(backend: Any) -> dict[str, ReplaceRootTask]:
    return backend.__dict__.setdefault("replace_root_tasks", {})


def _root_link(instance: Any) -> Any:
    return next(link for link in instance_links(instance) if link.device == instance.root_device_name)


def _lineage(instance: Any) -> set[str]:
    """Its first root, and those that took its place."""
    return instance.__dict__.setdefault("root_lineage", set())


def _require_one_source(volume_id: str | None, asked: dict[str, Any]) -> None:
    given = [name for name in ("SnapshotId", "ImageId") if name in asked] + (["VolumeId"] if volume_id else [])
    if len(given) > 1:
        raise ec2_error("InvalidParameterCombination", f"The parameters {' and '.join(given)} cannot be used together.")


def _own_root(backend: Any, instance: Any, volume_id: str) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateReplaceRootVolumeTask.html (VolumeId)"""
    volume, old = backend.get_volume(volume_id), _root_link(instance).volume
    if volume.status != "available":
        raise ec2_error("IncorrectState", f"Volume '{volume_id}' is not 'available'.")
    if volume.availability_zone != instance.availability_zone:
        raise ec2_error(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume_id}' is not in the same availability zone as instance '{instance.id}'",
        )
    if old.encrypted and not volume.encrypted:
        raise ec2_error(
            "InvalidParameterValue", f"The root volume of '{instance.id}' is encrypted, and '{volume_id}' is not."
        )
    return volume


def _new_root(backend: Any, instance: Any, asked: dict[str, Any], rate: int | None) -> Any:
    """Of a snapshot of this root's lineage, of an image, or as the instance was launched."""
    old = _root_link(instance).volume
    source = _of_lineage(backend, instance, asked["SnapshotId"]) if "SnapshotId" in asked else None
    if source is None:
        image = visible_image(backend, asked.get("ImageId") or instance.image_id)
        root = next((d["Ebs"] for d in image.block_device_mappings if d["DeviceName"] == image.root_device_name), {})
        source = backend_of(image.owner_id, backend.region_name).snapshots.get(root.get("SnapshotId"))
    shape = (old.volume_type, None if old.volume_type == "gp2" else old.iops, old.throughput)
    size = max(old.size, int(source.volume_size)) if source else old.size
    new = backend.create_volume(
        size, old.availability_zone, asked.get("SnapshotId"), old.encrypted, old.kms_key_id, *shape, source=source
    )
    initializes(new, "provisioned" if rate else "default", rate or durations.INITIALIZATION_MIB_PER_SECOND)
    return new


def _of_lineage(backend: Any, instance: Any, snapshot_id: str) -> Any:
    """Taken of this root, or of one before it, directly: a copy tells of no volume.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html
    """
    snapshot = backend.visible_snapshot(snapshot_id)
    if snapshot.volume_id not in _lineage(instance):
        raise ec2_error(
            "InvalidParameterValue",
            f"Snapshot '{snapshot_id}' was not created from a root volume of instance '{instance.id}'.",
        )
    return snapshot


def install() -> None:
    extend(ElasticBlockStore, _Responses)
    ElasticBlockStore.create_replace_root_volume_task = idempotent(
        "CreateReplaceRootVolumeTask", ElasticBlockStore.create_replace_root_volume_task
    )
    describe_volumes = EBSBackend.describe_volumes

    def describe(self: Any, volume_ids: list[str] | None = None, filters: Any = None) -> list[Any]:
        settle(self)
        return describe_volumes(self, volume_ids, filters)

    all_reservations = InstanceBackend.all_reservations

    def reservations(self: Any, filters: Any = None) -> list[Any]:
        settle(self)
        return all_reservations(self, filters)

    EBSBackend.describe_volumes = describe
    InstanceBackend.all_reservations = reservations
