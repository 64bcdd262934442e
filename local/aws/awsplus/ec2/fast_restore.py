"""Fast snapshot restore: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-fast-snapshot-restore.html"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from ..wire import durations
from ..wire.clock import CLOCK, date_of
from ..wire.limits import LIMITS
from ..wire.pages import paged
from ..wire.patch import extend

# https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
SNAPSHOTS_PER_REGION = 5


def _enabled(backend: Any) -> dict[tuple[str, str], dict[str, float]]:
    return backend.__dict__.setdefault("fast_restores", {})


class _Responses(ElasticBlockStore):
    def enable_fast_snapshot_restores(self) -> ActionResult:
        self.error_on_dryrun()
        done: list[Any] = []
        refused: list[Any] = []
        for snapshot_id in self._get_param("SourceSnapshotIds", []):
            snapshot = self.ec2_backend.visible_snapshot(snapshot_id)
            taken = {enabled_id for enabled_id, _ in _enabled(self.ec2_backend)}
            if LIMITS.on and snapshot_id not in taken and len(taken) >= SNAPSHOTS_PER_REGION:
                refused.append(_refusal(snapshot_id, self._get_param("AvailabilityZones", [])))
                continue
            for zone in self._get_param("AvailabilityZones", []):
                now = CLOCK.now()
                seconds = int(snapshot.volume_size) * durations.FAST_RESTORE_SECONDS_PER_GIB
                _enabled(self.ec2_backend).setdefault((snapshot_id, zone), {"began": now, "done": CLOCK.after(seconds)})
                done.append(self._told(snapshot_id, zone))
        return ActionResult({"Successful": done, "Unsuccessful": refused})

    def disable_fast_snapshot_restores(self) -> ActionResult:
        self.error_on_dryrun()
        pairs = [
            (i, z) for i in self._get_param("SourceSnapshotIds", []) for z in self._get_param("AvailabilityZones", [])
        ]
        told = [{**self._told(*pair), "State": "disabling"} for pair in pairs if pair in _enabled(self.ec2_backend)]
        for pair in pairs:
            _enabled(self.ec2_backend).pop(pair, None)
        return ActionResult({"Successful": told, "Unsuccessful": []})

    def describe_fast_snapshot_restores(self) -> ActionResult:
        names = {
            "snapshot-id": "SnapshotId",
            "availability-zone": "AvailabilityZone",
            "state": "State",
            "owner-id": "OwnerId",
        }
        filters = {names[name]: values for name, values in self._filters_from_querystring().items() if name in names}
        told = [self._told(*pair) for pair in list(_enabled(self.ec2_backend)) if pair[0] in self.ec2_backend.snapshots]
        told = [each for each in told if all(each[name] in values for name, values in filters.items())]
        page, token = paged(told, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"FastSnapshotRestores": page, "NextToken": token})

    def _told(self, snapshot_id: str, zone: str) -> dict[str, Any]:
        times = _enabled(self.ec2_backend)[snapshot_id, zone]
        begun, done = (date_of(times[name]) for name in ("began", "done"))
        told = {
            "SnapshotId": snapshot_id,
            "AvailabilityZone": zone,
            "OwnerId": self.current_account,
            "EnablingTime": begun,
        }
        if CLOCK.is_past(times["done"]):
            return {
                **told,
                "State": "enabled",
                "EnabledTime": done,
                "StateTransitionReason": "Client.UserInitiated - Lifecycle state transition",
            }
        return {**told, "State": "optimizing", "OptimizingTime": begun, "StateTransitionReason": "Client.UserInitiated"}


def _refusal(snapshot_id: str, zones: list[str]) -> dict[str, Any]:
    error = {
        "Code": "FastSnapshotRestoreLimitExceeded",
        "Message": f"{SNAPSHOTS_PER_REGION} snapshots have fast restore in this Region",
    }
    return {
        "SnapshotId": snapshot_id,
        "FastSnapshotRestoreStateErrors": [{"AvailabilityZone": zone, "Error": error} for zone in zones],
    }


def install() -> None:
    extend(ElasticBlockStore, _Responses)
