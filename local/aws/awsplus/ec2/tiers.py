"""Snapshot archive: https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter

from ..wire import durations
from ..wire.clock import CLOCK, date_of
from ..wire.errors import ec2_error
from ..wire.limits import require_room_in_archive
from ..wire.pages import paged
from ..wire.patch import extend
from .snapshots import image_of

DAY = 86_400.0


@dataclass
class Tiering:
    """The last change of tier; `kind` is archival, temporary-restore or permanent-restore."""

    kind: str
    began_at: float
    done_at: float
    restored_until: float | None = None

    @property
    def is_done(self) -> bool:
        return CLOCK.is_past(self.done_at)

    @property
    def status(self) -> str:
        return f"{self.kind}-{'completed' if self.is_done else 'in-progress'}"

    @property
    def progress(self) -> int:
        return 100 if self.is_done else int(100 * (CLOCK.now() - self.began_at) / (self.done_at - self.began_at))


def tier_of(snapshot: Any) -> str:
    tiering = getattr(snapshot, "tiering", None)
    if tiering is None:
        return "standard"
    if tiering.kind == "archival":
        return "archive" if tiering.is_done else "standard"
    if not tiering.is_done or (tiering.restored_until and CLOCK.is_past(tiering.restored_until)):
        return "archive"
    return "standard"


class _Responses(ElasticBlockStore):
    def modify_snapshot_tier(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotTier.html"""
        self.error_on_dryrun()
        snapshot, tier = self.ec2_backend.get_snapshot(self._get_param("SnapshotId")), self._get_param("StorageTier")
        if tier != "archive":
            raise ec2_error(
                "InvalidParameterValue", f"Value ({tier}) for parameter StorageTier is invalid. Valid value: archive"
            )
        _require_archivable(self.ec2_backend, snapshot)
        snapshot.tiering = Tiering("archival", CLOCK.now(), CLOCK.after(durations.ARCHIVE))
        return ActionResult({"SnapshotId": snapshot.id, "TieringStartTime": date_of(snapshot.tiering.began_at)})

    def restore_snapshot_tier(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreSnapshotTier.html"""
        self.error_on_dryrun()
        snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
        days, for_ever = self._get_param("TemporaryRestoreDays"), self._get_bool_param("PermanentRestore", False)
        if bool(days) == for_ever:
            raise ec2_error("InvalidParameterCombination", "Specify one of TemporaryRestoreDays and PermanentRestore")
        temporarily_here = (
            getattr(snapshot, "tiering", None) is not None and snapshot.tiering.kind == "temporary-restore"
        )
        if snapshot.storage_tier != "archive" and not temporarily_here:
            raise ec2_error("IncorrectState", f"The snapshot {snapshot.id} is not archived")
        now, done_at = (
            CLOCK.now(),
            CLOCK.now() if snapshot.storage_tier == "standard" else CLOCK.after(durations.RESTORE),
        )
        until = done_at + int(days) * DAY if days else None
        snapshot.tiering = Tiering("temporary-restore" if days else "permanent-restore", now, done_at, until)
        return ActionResult(
            {
                "SnapshotId": snapshot.id,
                "RestoreStartTime": date_of(now),
                "RestoreDuration": int(days) if days else None,
                "IsPermanentRestore": for_ever,
            }
        )

    def describe_snapshot_tier_status(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotTierStatus.html"""
        filters = dict(self._filters_from_querystring())
        operations = filters.pop("last-tiering-operation", None)
        found = [
            s for s in list(self.ec2_backend.snapshots.values()) if not operations or _last_operation(s) in operations
        ]
        found = generic_filter(filters, found) if filters else found
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"SnapshotTierStatuses": [_told(snapshot) for snapshot in page], "NextToken": token})


def _require_archivable(backend: Any, snapshot: Any) -> None:
    """https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html#archiving-guidelines"""
    if snapshot.status != "completed":
        raise ec2_error("IncorrectState", f"The snapshot {snapshot.id} is not completed")
    tiering = getattr(snapshot, "tiering", None)
    if snapshot.storage_tier == "archive" or (tiering and not tiering.is_done):
        raise ec2_error("IncorrectState", f"The snapshot {snapshot.id} is archived or being archived")
    if image_of(snapshot):
        raise ec2_error("IncorrectState", f"The snapshot {snapshot.id} is in use by an AMI")
    require_room_in_archive(backend, snapshot)


def _last_operation(snapshot: Any) -> str | None:
    tiering = getattr(snapshot, "tiering", None)
    return tiering.status if tiering else None


def _told(snapshot: Any) -> dict[str, Any]:
    """Also of those that never left the standard tier, which have no last operation:
    https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html#view-archived-snapshot"""
    tiering = getattr(snapshot, "tiering", None)
    told = {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume_id,
        "Status": snapshot.status,
        "OwnerId": snapshot.owner_id,
        "Tags": snapshot.tag_set,
        "StorageTier": snapshot.storage_tier,
    }
    if tiering is None:
        return told
    told.update(
        {
            "LastTieringStartTime": date_of(tiering.began_at),
            "LastTieringProgress": tiering.progress,
            "LastTieringOperationStatus": tiering.status,
        }
    )
    if tiering.kind == "archival" and tiering.is_done:
        told["ArchivalCompleteTime"] = date_of(tiering.done_at)
    if tiering.restored_until:
        told["RestoreExpiryTime"] = date_of(tiering.restored_until)
    return told


def install() -> None:
    extend(ElasticBlockStore, _Responses)
    Snapshot.storage_tier = property(tier_of, lambda self, value: None)
