"""How long EC2 takes, in seconds of AWS time. As of November 2026.

AWS documents few of these; the rest are round numbers of the size that operators report. A first snapshot or copy moves
the whole volume, later ones what changed: https://docs.aws.amazon.com/ebs/latest/userguide/how_snapshots_work.html
"""

from __future__ import annotations

from typing import Any

from ..ec2.blocks import BLOCKS_PER_GIB
from .control import ControlError, route

SNAPSHOT_BASE = 20.0
SNAPSHOT_MIB_PER_SECOND = 120
COPY_BASE = 30.0
COPY_MIB_PER_SECOND = 180
# https://docs.aws.amazon.com/ebs/latest/userguide/time-based-copies.html
TIME_BASED_COPY_MIB_PER_SECOND = 500
# Up to 72 hours each: https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive.html
ARCHIVE = 48 * 3600.0
RESTORE = 36 * 3600.0
IMAGE_BASE = 60.0
VOLUME_CREATE = 4.0
VOLUME_ATTACH = 3.0
VOLUME_DETACH = 4.0
# 60 minutes a TiB: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-fast-snapshot-restore.html
FAST_RESTORE_SECONDS_PER_GIB = 3600 / 1024
VOLUME_MODIFY = 10.0
OPTIMIZE_MIB_PER_SECOND = 50
# 6 hours for the first TiB: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copying-volume.html
INITIALIZATION_MIB_PER_SECOND = 1024 * 1024 / (6 * 3600)
REPLACE_ROOT = 60.0
INSTANCE_START = 18.0
INSTANCE_CHECKS = 60.0
INSTANCE_FALLBACK = 6.0
INSTANCE_STOP = 35.0
# "Typically within an average of about 5 minutes": https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html
TRAIL_DELIVERY = 300.0
COMMAND_DELIVERY = 1.0
COMMAND_RUN = 2.0
VSS_SNAPSHOT = 30.0


def snapshot(size_gib: int, changed_blocks: int | None) -> float:
    """`changed_blocks` since the one before it; None where there is none before it."""
    return SNAPSHOT_BASE + _mib(size_gib, changed_blocks) / SNAPSHOT_MIB_PER_SECOND


def copy(size_gib: int, changed_blocks: int | None) -> float:
    return COPY_BASE + _mib(size_gib, changed_blocks) / COPY_MIB_PER_SECOND


def _mib(size_gib: int, changed_blocks: int | None) -> float:
    blocks = size_gib * BLOCKS_PER_GIB if changed_blocks is None else changed_blocks
    return blocks * 1024 / BLOCKS_PER_GIB


_NORMAL = {name: value for name, value in globals().items() if name.isupper() and name != "BLOCKS_PER_GIB"}


@route("POST", "durations")
def scale(body: dict[str, Any]) -> dict[str, float]:
    """`{"factor": 2}`: whatever begins from now on takes twice as long as this table says."""
    factor = float(body["factor"])
    if factor <= 0:
        raise ControlError("factor is a number above 0; 1 is as in the table")
    for name, value in _NORMAL.items():
        globals()[name] = value / factor if name.endswith("_PER_SECOND") else value * factor
    return {"factor": factor}
