"""Snapshots: keys, copies, sets, sharing, and the time that they take."""

from __future__ import annotations

from typing import Any, ClassVar

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import InvalidSnapshotIdError
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter, random_snapshot_id

from ..iam.accounts import backend_of, others
from ..kms import key_use
from ..kms.keys import is_aws_managed
from ..wire import durations
from ..wire.clock import CLOCK
from ..wire.errors import ec2_error
from ..wire.lag import born, shown
from ..wire.limits import require_room_for_copy, require_room_for_snapshots
from ..wire.pages import paged
from ..wire.patch import extend
from .blocks import BLOCK_BYTES, WRITES, changed_blocks, content_of, holds_content_of
from .public_access import require_public, snapshot_state
from .tags import asked_tags
from .volumes import encryption

# The VolumeId that EC2 gives a copied snapshot: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html
COPIES_VOLUME_ID = "vol-ffffffff"
# Shortest, longest, step: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html
COMPLETION_MINUTES = (15, 2880, 15)


def shared_with(snapshot: Any, account_id: str) -> bool:
    return account_id in snapshot.create_volume_permission_userids or "all" in snapshot.create_volume_permission_groups


def _status(self: Any) -> str:
    if not CLOCK.is_past(self.__dict__.get("done_at", 0)):
        return "pending"
    if "ended" not in self.__dict__:
        # A key may become unusable half-way; then the copy fails although it was well begun.
        self.__dict__["ended"] = "error" if key_use.problem_of(self) else "completed"
    return self.__dict__["ended"]


def _state_message(self: Any) -> str | None:
    return getattr(self, "doomed", None) or key_use.NOT_ACCESSIBLE if self.status == "error" else None


def _progress(self: Any) -> str:
    done_at, begun_at = self.__dict__.get("done_at", 0), self.__dict__.get("begun_at", 0)
    if CLOCK.is_past(done_at):
        return "100%"
    return f"{int(100 * (CLOCK.now() - begun_at) / (done_at - begun_at))}%"


def _takes(snapshot: Any, seconds: float) -> Any:
    key_use.begun(born(snapshot))
    snapshot.begun_at = CLOCK.now()
    snapshot.done_at = CLOCK.after(seconds)
    snapshot.start_time = CLOCK.utcnow()
    return snapshot


def visible_snapshot(self: Any, snapshot_id: str) -> Any:
    if snapshot_id in self.snapshots:
        return self.snapshots[snapshot_id]
    for other in others(self):
        snapshot = other.snapshots.get(snapshot_id)
        if snapshot and shared_with(snapshot, self.account_id):
            return snapshot
    raise InvalidSnapshotIdError()


def create_snapshot(
    self: Any, volume_id: str, description: str, owner_id: str | None = None, from_ami: str | None = None
) -> Any:
    volume = self.get_volume(volume_id)
    require_room_for_snapshots(self, [volume])
    snapshot = Snapshot(
        self,
        random_snapshot_id(),
        volume,
        description or "",
        volume.encrypted,
        volume.kms_key_id,
        owner_id or self.account_id,
        from_ami,
    )
    snapshot.size_when_taken = volume.size
    snapshot.volume_id_when_taken = volume.id
    holds_content_of(snapshot, volume)
    earlier = _newest(self, volume)
    self.snapshots[snapshot.id] = snapshot
    volume.newest_snapshot_id = snapshot.id
    changed = len(changed_blocks(content_of(earlier), content_of(snapshot))) if earlier else None
    _takes(snapshot, durations.snapshot(volume.size, changed))
    if earlier:
        # It refers to the blocks of the earlier one, and is not complete before that is.
        snapshot.done_at = max(snapshot.done_at, earlier.done_at)
    return snapshot


def _newest(backend: Any, volume: Any) -> Any:
    """The snapshot that the next one is incremental to: https://docs.aws.amazon.com/ebs/latest/userguide/how_snapshots_work.html"""
    return backend.snapshots.get(getattr(volume, "newest_snapshot_id", None))


# "The IDs of the data (non-root) volumes to exclude ... You can specify up to 40 volume IDs per request":
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html
MOST_EXCLUDED = 40


def create_snapshots(
    self: Any, instance_spec: dict[str, Any], description: str, tags: dict[str, str], copy_tags: bool = False
) -> list[Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html"""
    instance = self.get_instance(instance_spec["InstanceId"])
    if instance.state not in ("running", "stopped"):
        raise ec2_error("IncorrectState", f"Instance '{instance.id}' is not 'running' or 'stopped'.")
    excluded = set(instance_spec.get("ExcludeDataVolumeIds") or [])
    if len(excluded) > MOST_EXCLUDED:
        raise ec2_error("InvalidParameterValue", f"You can specify at most {MOST_EXCLUDED} data volumes to exclude")
    no_boot = str(instance_spec.get("ExcludeBootVolume", False)).lower() == "true"
    chosen = [
        block.volume_id
        for device, block in instance.get_block_device_mapping
        if block.volume_id not in excluded and not (no_boot and device == instance.root_device_name)
    ]
    if not chosen:
        raise ec2_error("InvalidParameterValue", "The instance has no volume to snapshot")
    require_room_for_snapshots(self, [self.get_volume(volume_id) for volume_id in chosen])
    with WRITES:
        taken = [self.create_snapshot(volume_id, description) for volume_id in chosen]
    for snapshot in taken:
        if copy_tags:
            snapshot.add_tags(
                {t["key"]: t["value"] for t in snapshot.volume.get_tags() if not t["key"].startswith("aws:")}
            )
        snapshot.add_tags(tags)
    return taken


def copy_snapshot(
    self: Any, source_snapshot_id: str, source_region: str, description: str, encrypted: bool, kms_key_id: str | None
) -> Any:
    source = backend_of(self.account_id, source_region).visible_snapshot(source_snapshot_id)
    if source.status != "completed":
        raise ec2_error("IncorrectState", f"Snapshot '{source_snapshot_id}' is not 'completed'.")
    if source.storage_tier == "archive":
        raise ec2_error("IncorrectState", f"Snapshot '{source_snapshot_id}' is archived: restore it first")
    require_room_for_copy(self)
    encrypted, kms_key_id = encryption(self, encrypted, kms_key_id, source)
    lineage = getattr(source, "lineage", source.volume.id)
    earlier = self.snapshots.get(_newest_copies(self).get((lineage, kms_key_id)))
    snapshot = Snapshot(
        self, random_snapshot_id(), source.volume, description or "", encrypted, kms_key_id, self.account_id
    )
    snapshot.size_when_taken = source.volume_size
    snapshot.volume_id_when_taken = COPIES_VOLUME_ID
    snapshot.lineage = lineage
    holds_content_of(snapshot, source)
    self.snapshots[snapshot.id] = snapshot
    _newest_copies(self)[lineage, kms_key_id] = snapshot.id
    changed = len(changed_blocks(content_of(earlier), content_of(snapshot))) if earlier else None
    return _takes(snapshot, durations.copy(source.volume_size, changed))


def _newest_copies(backend: Any) -> dict[tuple[str, str | None], str]:
    """A copy is incremental to the newest one of the same volume under the same key, while that is there:
    https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html"""
    return backend.__dict__.setdefault("newest_copies", {})


def describe_snapshots(
    self: Any,
    snapshot_ids: list[str] | None = None,
    filters: Any = None,
    owners: list[str] | None = None,
    restorable_by: list[str] | None = None,
) -> list[Any]:
    found = list(self.snapshots.values())
    found += [s for other in others(self) for s in list(other.snapshots.values()) if shared_with(s, self.account_id)]
    found = shown(found)
    if snapshot_ids:
        known = {s.id for s in found}
        missing = [i for i in snapshot_ids if i not in known]
        if missing:
            raise ec2_error("InvalidSnapshot.NotFound", f"The snapshot '{missing[0]}' does not exist.")
        found = [s for s in found if s.id in snapshot_ids]
    if owners:
        ids = {self.account_id if o == "self" else o for o in owners}
        found = [s for s in found if s.owner_id in ids]
    if restorable_by:
        ids = {self.account_id if u == "self" else u for u in restorable_by}
        found = [s for s in found if s.owner_id in ids or any(shared_with(s, u) for u in ids)]
    return generic_filter(filters, found) if filters else found


def _add_permission(original: Any) -> Any:
    def add(self: Any, snapshot_id: str, user_ids: list[str], groups: list[str]) -> None:
        snapshot = self.get_snapshot(snapshot_id)
        if "all" in (groups or []):
            require_public(snapshot_state(self), "snapshot")
        if snapshot.encrypted and groups:
            raise ec2_error("OperationNotPermitted", "Encrypted snapshots cannot be made public")
        if snapshot.encrypted and is_aws_managed(snapshot.kms_key_id):
            raise ec2_error(
                "InvalidParameter", f"Snapshot '{snapshot_id}' is encrypted under the default key and cannot be shared"
            )
        original(self, snapshot_id, user_ids=user_ids, groups=groups)

    return add


def image_of(snapshot: Any) -> Any:
    """The image that uses it, if one does."""
    images = list(snapshot.ec2_backend.amis.values())
    return next(
        (i for i in images if any(d.get("Ebs", {}).get("SnapshotId") == snapshot.id for d in i.block_device_mappings)),
        None,
    )


def _delete(original: Any) -> Any:
    def delete(self: Any, snapshot_id: str) -> Any:
        snapshot = self.get_snapshot(snapshot_id)
        used_by = image_of(snapshot)
        if used_by:
            raise ec2_error("InvalidSnapshot.InUse", f"The snapshot {snapshot_id} is currently in use by {used_by.id}")
        return original(self, snapshot_id)

    return delete


class _Responses(ElasticBlockStore):
    def copy_snapshot(self) -> ActionResult:
        self.error_on_dryrun()
        tags = asked_tags(self, "snapshot")
        within = _completion_minutes(self._get_param("CompletionDurationMinutes"))
        snapshot = self.ec2_backend.copy_snapshot(
            self._get_param("SourceSnapshotId"),
            self._get_param("SourceRegion"),
            self._get_param("Description"),
            self._get_bool_param("Encrypted", False),
            self._get_param("KmsKeyId"),
        )
        if within:
            _completes_within(snapshot, within)
        snapshot.add_tags(tags.get("snapshot", {}))
        return ActionResult({"SnapshotId": snapshot.id, "Tags": snapshot.tag_set})

    def create_snapshot(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshot.html"""
        self.error_on_dryrun()
        tags = asked_tags(self, "snapshot")
        snapshot = self.ec2_backend.create_snapshot(self._get_param("VolumeId"), self._get_param("Description"))
        snapshot.add_tags(tags.get("snapshot", {}))
        return ActionResult(snapshot)

    def create_snapshots(self) -> ActionResult:
        self.error_on_dryrun()
        snapshots = self.ec2_backend.create_snapshots(
            self._get_param("InstanceSpecification", {}),
            self._get_param("Description", ""),
            asked_tags(self, "snapshot").get("snapshot", {}),
            self._get_param("CopyTagsFromSource") == "volume",
        )
        return ActionResult({"Snapshots": snapshots})

    def describe_snapshots(self) -> ActionResult:
        found = self.ec2_backend.describe_snapshots(
            self._get_param("SnapshotIds", []),
            self._filters_from_querystring(),
            self._get_param("OwnerIds", []),
            self._get_param("RestorableByUserIds", []),
        )
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"Snapshots": [own_view(s, self.current_account) for s in page], "NextToken": token})

    def modify_snapshot_attribute(self) -> ActionResult:
        """Both documented forms: OperationType with ids, and CreateVolumePermission with Add and Remove."""
        self.error_on_dryrun()
        snapshot_id, permission = self._get_param("SnapshotId"), self._get_param("CreateVolumePermission", {})
        plain = [{"UserId": u} for u in self._get_param("UserIds", [])] + [
            {"Group": g} for g in self._get_param("GroupNames", [])
        ]
        operation = self._get_param("OperationType")
        add = permission.get("Add", []) + (plain if operation == "add" else [])
        remove = permission.get("Remove", []) + (plain if operation == "remove" else [])
        for change, items in (
            (self.ec2_backend.add_create_volume_permission, add),
            (self.ec2_backend.remove_create_volume_permission, remove),
        ):
            if items:
                change(
                    snapshot_id,
                    user_ids=[i["UserId"] for i in items if "UserId" in i],
                    groups=[i["Group"] for i in items if "Group" in i],
                )
        return EmptyResult()


def _completion_minutes(asked: Any) -> int | None:
    """https://docs.aws.amazon.com/ebs/latest/userguide/time-based-copies.html"""
    if asked is None:
        return None
    shortest, longest, step = COMPLETION_MINUTES
    if not shortest <= int(asked) <= longest or int(asked) % step:
        raise ec2_error(
            "InvalidParameterValue", f"CompletionDurationMinutes is {shortest} to {longest}, in steps of {step}"
        )
    return int(asked)


def _completes_within(snapshot: Any, minutes: int) -> None:
    usual = snapshot.done_at - snapshot.begun_at
    fastest = snapshot.volume_size * 1024 / durations.TIME_BASED_COPY_MIB_PER_SECOND
    snapshot.done_at = snapshot.begun_at + max(min(usual, minutes * 60), fastest if usual else 0)
    snapshot.completion_duration_minutes, snapshot.transfer_type = minutes, "time-based"


def _filter_value(original: Any) -> Any:
    more = {
        "progress": "progress",
        "transfer-type": "transfer_type",
        "volume-id": "volume_id",
        "volume-size": "volume_size",
        "storage-tier": "storage_tier",
    }

    def value(self: Any, filter_name: str, method_name: str | None = None) -> Any:
        return getattr(self, more[filter_name]) if filter_name in more else original(self, filter_name, method_name)

    return value


def _full_size(snapshot: Any) -> int:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html: of all blocks that were ever written.
    Where nobody wrote through the control endpoint, that is the whole volume, as for the time that it takes."""
    return len(content_of(snapshot)) * BLOCK_BYTES or snapshot.volume_size * 1024**3


class _Shared:
    """Another account's snapshot or image: its tags are its owner's business."""

    tag_set: ClassVar[list[Any]] = []
    tags: ClassVar[list[Any]] = []

    def __init__(self, item: Any) -> None:
        self._item = item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


def own_view(item: Any, account_id: str) -> Any:
    return item if item.owner_id == account_id else _Shared(item)


def install() -> None:
    Snapshot.status = property(_status, lambda self, value: None)
    Snapshot.state = Snapshot.status
    Snapshot.state_message = property(_state_message)
    Snapshot.progress = property(_progress)
    Snapshot.transfer_type = "standard"
    Snapshot.completion_duration_minutes = None
    Snapshot.full_snapshot_size_in_bytes = property(_full_size)
    Snapshot.get_filter_value = _filter_value(Snapshot.get_filter_value)
    Snapshot.volume_size = property(lambda self: self.__dict__.get("size_when_taken", self.volume.size))
    Snapshot.volume_id = property(lambda self: self.__dict__.get("volume_id_when_taken", self.volume.id))
    for function in (visible_snapshot, create_snapshot, create_snapshots, copy_snapshot, describe_snapshots):
        setattr(EBSBackend, function.__name__, function)
    EBSBackend.add_create_volume_permission = _add_permission(EBSBackend.add_create_volume_permission)
    EBSBackend.delete_snapshot = _delete(EBSBackend.delete_snapshot)
    extend(ElasticBlockStore, _Responses)
