"""How often and how much at once: API token buckets and EBS quotas, with AWS's error codes. One switch for all.

Buckets refill by the local AWS's clock, so that they follow `--speed` as everything does; with `--speed instant`, a
second is a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..iam import quotas
from .calls import Call
from .clock import CLOCK
from .control import route
from .errors import AwsError, ec2_error
from .gateway import App, Start

# Size and refill a second, as of November 2026: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
EC2_BUCKETS = (
    (re.compile(r"Describe|Get|List"), (100, 20)),
    (
        re.compile(r"(CreateSnapshots?|CreateVolume|DeleteSnapshot|Modify(Image|Snapshot)Attribute|DeregisterImage)$"),
        (100, 5),
    ),
    (re.compile(r"CopyImage$"), (100, 1)),
    (re.compile(r"CreateTags$"), (100, 10)),
    (re.compile(r"StartInstances$"), (5, 2)),
)
EC2_UNFILTERED_BUCKET = (50, 10)
EC2_OTHER_BUCKET = (50, 5)
NARROWS = re.compile(r"Filter\.|MaxResults$|\w+Id(\.\d+)?$")

# https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
KMS_BUCKETS = (
    (re.compile(r"Describe|Get|List"), (100, 100)),
    (re.compile(r"CreateGrant$"), (50, 50)),
)
KMS_OTHER_BUCKET = (5, 5)

# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
LOOKUP_EVENTS_BUCKET = (2, 2)
# One for all that is read, one for registrations: https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
ELB_READ_BUCKET = (40, 10)
ELB_REGISTRATION_BUCKET = (20, 4)

# https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
PENDING_SNAPSHOTS_PER_VOLUME = 5
PENDING_SNAPSHOTS_PER_HDD_VOLUME = 1
PENDING_SNAPSHOTS_PER_ACCOUNT = 100
COPIES_PER_DESTINATION_REGION = 20
ARCHIVED_SNAPSHOTS_PER_VOLUME = 25
# "Wait at least 15 seconds between concurrent volume snapshots":
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
SECONDS_BETWEEN_SNAPSHOTS = 15


class Limits:
    def __init__(self) -> None:
        self.on = False
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}

    def switch(self, on: bool) -> None:
        self.on = on
        self._buckets.clear()

    def take(self, call: Call) -> bool:
        """Whether the bucket of the call had a token left for it."""
        bucket = _bucket_of(call)
        if bucket is None:
            return True
        name, (size, refill) = bucket
        key = (call.account_id, call.region, name)
        now = CLOCK.now()
        tokens, at = self._buckets.get(key, (float(size), now))
        tokens = min(size, tokens + max(0.0, now - at) * refill)
        self._buckets[key] = (max(tokens - 1, 0) if tokens >= 1 else tokens, now)
        return tokens >= 1


LIMITS = Limits()


def _bucket_of(call: Call) -> tuple[str, tuple[int, int]] | None:
    name = f"{call.service}:{call.action}"
    if call.service == "ec2":
        if call.action.startswith("Describe") and not any(NARROWS.match(key) for key in call.parameters):
            return f"{name}:unfiltered", EC2_UNFILTERED_BUCKET
        return name, _look_up(EC2_BUCKETS, call.action) or EC2_OTHER_BUCKET
    if call.service == "kms":
        return name, _look_up(KMS_BUCKETS, call.action) or KMS_OTHER_BUCKET
    if call.service == "elasticloadbalancing" and call.action.startswith("Describe"):
        return f"{call.service}:read", ELB_READ_BUCKET
    if call.service == "elasticloadbalancing" and call.action in ("RegisterTargets", "DeregisterTargets"):
        return f"{call.service}:registration", ELB_REGISTRATION_BUCKET
    return (name, LOOKUP_EVENTS_BUCKET) if name == "cloudtrail:LookupEvents" else None


def _look_up(table: Any, action: str) -> Any:
    return next((bucket for pattern, bucket in table if pattern.match(action)), None)


def throttle(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway."""
    if LIMITS.on and not LIMITS.take(call):
        if call.service == "ec2":
            raise AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
        words = "You have exceeded the rate at which you may call KMS." if call.service == "kms" else "Rate exceeded"
        raise AwsError("ThrottlingException", words)
    return onward(environ, start)


def require_room_for_snapshots(backend: Any, volumes: list[Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
    if not LIMITS.on:
        return
    require_snapshot_quota(backend, len(volumes))
    pending = [s for s in list(backend.snapshots.values()) if s.status == "pending" and not hasattr(s, "lineage")]
    if len(pending) + len(volumes) > PENDING_SNAPSHOTS_PER_ACCOUNT:
        raise ec2_error(
            "PendingSnapshotLimitExceeded",
            f"The maximum of {PENDING_SNAPSHOTS_PER_ACCOUNT} pending snapshots is reached",
        )
    for volume in volumes:
        is_hdd = volume.volume_type in ("st1", "sc1")
        most = PENDING_SNAPSHOTS_PER_HDD_VOLUME if is_hdd else PENDING_SNAPSHOTS_PER_VOLUME
        own = [s for s in pending if s.volume is volume]
        if len(own) >= most:
            raise ec2_error(
                "ConcurrentSnapshotLimitExceeded",
                f"Maximum allowed in-progress snapshots for a single volume exceeded: {volume.id}",
            )
        if any(s.begun_at > CLOCK.now() - SECONDS_BETWEEN_SNAPSHOTS for s in own):
            raise ec2_error(
                "SnapshotCreationPerVolumeRateExceeded",
                "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or "
                "variable sleep interval between requests.",
            )


def require_snapshot_quota(backend: Any, more: int) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html: SnapshotLimitExceeded"""
    most = quotas.value_of(backend.account_id, backend.region_name, quotas.SNAPSHOTS)
    if len(backend.snapshots) + more > most:
        raise ec2_error(
            "SnapshotLimitExceeded",
            f"You've reached the limit on the number of EBS snapshots that you can create: {int(most)}",
        )


def require_room_for_volume(backend: Any, kind: str, size: int, iops: Any) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html: VolumeLimitExceeded,
    MaxIOPSLimitExceeded"""
    if not LIMITS.on:
        return
    alike = [volume for volume in list(backend.volumes.values()) if volume.volume_type == kind and not volume.is_gone]
    tib = (sum(int(volume.size) for volume in alike) + size) / quotas.GIB_PER_TIB
    most_tib = quotas.value_of(backend.account_id, backend.region_name, quotas.STORAGE[kind][0])
    if tib > most_tib:
        raise ec2_error(
            "VolumeLimitExceeded",
            f"You have exceeded your maximum {kind} storage limit of {most_tib:g} TiB in this region.",
        )
    if kind in quotas.IOPS:
        most = quotas.value_of(backend.account_id, backend.region_name, quotas.IOPS[kind][0])
        if sum(int(volume.iops or 0) for volume in alike) + int(iops or 0) > most:
            raise ec2_error(
                "MaxIOPSLimitExceeded", f"You have exceeded your maximum {kind} iops limit of {most:g} in this region."
            )


def require_room_for_copy(backend: Any) -> None:
    """https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html"""
    if not LIMITS.on:
        return
    require_snapshot_quota(backend, 1)
    open_copies = sum(s.status == "pending" for s in list(backend.snapshots.values()) if hasattr(s, "lineage"))
    if open_copies >= COPIES_PER_DESTINATION_REGION:
        raise ec2_error(
            "ResourceLimitExceeded",
            f"Too many snapshot copies in progress. The limit is {COPIES_PER_DESTINATION_REGION} for this "
            "destination region.",
        )


def require_room_in_archive(backend: Any, snapshot: Any) -> None:
    """https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html#archive-quotas"""
    if not LIMITS.on:
        return
    archived = [
        s for s in list(backend.snapshots.values()) if s.storage_tier == "archive" and s.volume_id == snapshot.volume_id
    ]
    if len(archived) >= ARCHIVED_SNAPSHOTS_PER_VOLUME:
        raise ec2_error(
            "ArchivedSnapshotsPerVolumeLimitExceeded",
            f"{snapshot.volume_id} has {ARCHIVED_SNAPSHOTS_PER_VOLUME} archived snapshots already",
        )


@route("POST", "limits")
def switch(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"on": true}`; buckets begin full."""
    LIMITS.switch(bool(asked["on"]))
    return {"on": LIMITS.on}
