"""The Recycle Bin for snapshots. Its rules are made by the control endpoint: moto does not know the service that
makes them.

https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from ..wire.clock import CLOCK, date_of
from ..wire.control import route
from ..wire.errors import ec2_error
from ..wire.pages import paged
from ..wire.patch import extend

DAY = 86_400.0


def _bin(backend: Any) -> dict[str, tuple[Any, float, float]]:
    """Snapshot, when it came and when it goes, by id."""
    kept = backend.__dict__.setdefault("recycle_bin", {})
    for snapshot_id in [each for each, (_, _, goes_at) in kept.items() if CLOCK.is_past(goes_at)]:
        del kept[snapshot_id]
    return kept


def _in_bin(response: Any) -> Any:
    snapshot_id = response._get_param("SnapshotId")
    if snapshot_id not in _bin(response.ec2_backend):
        raise ec2_error("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' is not in the Recycle Bin.")
    return _bin(response.ec2_backend)[snapshot_id][0]


class _Responses(ElasticBlockStore):
    def list_snapshots_in_recycle_bin(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ListSnapshotsInRecycleBin.html"""
        ids = self._get_param("SnapshotIds", [])
        told = [
            {
                "SnapshotId": s.id,
                "VolumeId": s.volume_id,
                "Description": s.description,
                "RecycleBinEnterTime": date_of(came),
                "RecycleBinExitTime": date_of(goes),
            }
            for s, came, goes in _bin(self.ec2_backend).values()
            if not ids or s.id in ids
        ]
        page, token = paged(told, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"Snapshots": page, "NextToken": token})

    def restore_snapshot_from_recycle_bin(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreSnapshotFromRecycleBin.html"""
        self.error_on_dryrun()
        snapshot = _in_bin(self)
        del _bin(self.ec2_backend)[snapshot.id]
        self.ec2_backend.snapshots[snapshot.id] = snapshot
        return ActionResult(snapshot)


@route("POST", "recycleBin")
def keep(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"accountId", "region", "days"}`: deleted snapshots are kept so long; 0 ends it."""
    ec2_backends[asked["accountId"]][asked["region"]].recycle_days = float(asked["days"])
    return {}


def install() -> None:
    extend(ElasticBlockStore, _Responses)
    delete_snapshot = EBSBackend.delete_snapshot

    def delete(self: Any, snapshot_id: str) -> Any:
        snapshot = self.get_snapshot(snapshot_id)
        deleted = delete_snapshot(self, snapshot_id)
        days = getattr(self, "recycle_days", 0)
        if days:
            _bin(self)[snapshot_id] = (snapshot, CLOCK.now(), CLOCK.now() + days * DAY)
        return deleted

    EBSBackend.delete_snapshot = delete
