"""Snapshot locks: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter

from ..wire.clock import CLOCK, date_of
from ..wire.errors import ec2_error
from ..wire.pages import paged
from ..wire.patch import extend

HOUR, DAY = 3600.0, 86_400.0
COOL_OFF_HOURS = (1, 72)
LOCK_DAYS = (1, 36_500)


@dataclass
class Lock:
    mode: str
    created_at: float
    duration_days: int
    starts_at: float
    """When the snapshot is complete: the duration is counted from there."""
    cool_off_hours: int | None = None

    @property
    def expires_at(self) -> float:
        return self.starts_at + self.duration_days * DAY

    @property
    def cool_off_ends_at(self) -> float:
        return self.created_at + (self.cool_off_hours or 0) * HOUR

    @property
    def state(self) -> str:
        if CLOCK.is_past(self.expires_at):
            return "expired"
        return (
            "compliance-cooloff"
            if self.mode == "compliance" and not CLOCK.is_past(self.cool_off_ends_at)
            else self.mode
        )

    def told(self, snapshot: Any) -> dict[str, Any]:
        told = {
            "SnapshotId": snapshot.id,
            "LockState": self.state,
            "LockDuration": self.duration_days,
            "LockCreatedOn": date_of(self.created_at),
            "LockDurationStartTime": date_of(self.starts_at),
            "LockExpiresOn": date_of(self.expires_at),
        }
        if self.cool_off_hours:
            told |= {"CoolOffPeriod": self.cool_off_hours, "CoolOffPeriodExpiresOn": date_of(self.cool_off_ends_at)}
        return told


def lock_of(snapshot: Any) -> Lock | None:
    """The lock that holds now."""
    lock = getattr(snapshot, "lock", None)
    return lock if lock and lock.state != "expired" else None


class _Responses(ElasticBlockStore):
    def lock_snapshot(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LockSnapshot.html"""
        self.error_on_dryrun()
        snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
        lock = _asked_lock(self, snapshot)
        _require_change(lock_of(snapshot), lock)
        snapshot.lock = lock
        return ActionResult(lock.told(snapshot))

    def unlock_snapshot(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnlockSnapshot.html"""
        self.error_on_dryrun()
        snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
        lock = lock_of(snapshot)
        if lock is None:
            raise ec2_error("SnapshotLock.NotFound", f"The snapshot {snapshot.id} is not locked")
        if lock.state == "compliance":
            raise ec2_error(
                "OperationNotPermitted",
                f"The snapshot {snapshot.id} is locked in compliance mode and cannot be unlocked",
            )
        snapshot.lock = None
        return ActionResult({"SnapshotId": snapshot.id})

    def describe_locked_snapshots(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLockedSnapshots.html"""
        ids, filters = self._get_param("SnapshotIds", []), dict(self._filters_from_querystring())
        states = filters.pop("lock-state", None)
        found = [
            s
            for s in list(self.ec2_backend.snapshots.values())
            if getattr(s, "lock", None) and (not ids or s.id in ids)
        ]
        found = [s for s in found if not states or s.lock.state in states]
        found = generic_filter(filters, found) if filters else found
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult(
            {"Snapshots": [{**s.lock.told(s), "OwnerId": s.owner_id} for s in page], "NextToken": token}
        )


def _asked_lock(response: Any, snapshot: Any) -> Lock:
    mode, days, expires = (response._get_param(name) for name in ("LockMode", "LockDuration", "ExpirationDate"))
    cool_off = response._get_param("CoolOffPeriod")
    if mode not in ("governance", "compliance"):
        raise ec2_error(
            "InvalidParameterValue", f"Value ({mode}) for parameter LockMode is invalid. Use governance or compliance"
        )
    if (days is None) == (expires is None):
        raise ec2_error("InvalidParameterCombination", "Specify one of LockDuration and ExpirationDate")
    if cool_off is not None and (mode != "compliance" or not COOL_OFF_HOURS[0] <= int(cool_off) <= COOL_OFF_HOURS[1]):
        raise ec2_error(
            "InvalidParameterValue",
            f"CoolOffPeriod is {COOL_OFF_HOURS[0]} to {COOL_OFF_HOURS[1]} hours, for compliance mode only",
        )
    starts_at = max(CLOCK.now(), snapshot.__dict__.get("done_at", 0))
    if expires is not None:
        days = -(-(expires.timestamp() - starts_at) // DAY)
    if not LOCK_DAYS[0] <= int(days) <= LOCK_DAYS[1]:
        raise ec2_error("InvalidParameterValue", f"A lock lasts {LOCK_DAYS[0]} to {LOCK_DAYS[1]} days")
    return Lock(mode, CLOCK.now(), int(days), starts_at, int(cool_off) if cool_off else None)


def _require_change(now: Lock | None, asked: Lock) -> None:
    """After its cool-off a compliance lock can only be made longer."""
    if now is None or now.state != "compliance":
        return
    if asked.mode != "compliance" or asked.cool_off_hours or asked.expires_at < now.expires_at:
        raise ec2_error("OperationNotPermitted", "A lock in compliance mode can only be extended")


def install() -> None:
    extend(ElasticBlockStore, _Responses)
    delete_snapshot = EBSBackend.delete_snapshot

    def delete(self: Any, snapshot_id: str) -> Any:
        if lock_of(self.get_snapshot(snapshot_id)):
            raise ec2_error("OperationNotPermitted", f"The snapshot {snapshot_id} is locked")
        return delete_snapshot(self, snapshot_id)

    EBSBackend.delete_snapshot = delete
