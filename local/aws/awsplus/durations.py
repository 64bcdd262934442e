"""How long EC2 takes, in seconds of AWS time. As of November 2026.

AWS documents few of these; the rest are round numbers of the size that operators report. Snapshots after the first
copy only changed blocks: https://docs.aws.amazon.com/ebs/latest/userguide/how_snapshots_work.html
"""

FIRST_SNAPSHOT_MIB_PER_SECOND = 120
CHANGED_SHARE_OF_LATER_SNAPSHOTS = 0.05
SNAPSHOT_BASE = 20.0
COPY_MIB_PER_SECOND = 180
COPY_BASE = 30.0
IMAGE_BASE = 60.0
VOLUME_CREATE = 4.0
VOLUME_ATTACH = 3.0
INSTANCE_START = 18.0
INSTANCE_STOP = 35.0


def snapshot(size_gib: int, first: bool) -> float:
    share = 1.0 if first else CHANGED_SHARE_OF_LATER_SNAPSHOTS
    return SNAPSHOT_BASE + size_gib * 1024 * share / FIRST_SNAPSHOT_MIB_PER_SECOND


def copy(size_gib: int, first: bool) -> float:
    share = 1.0 if first else CHANGED_SHARE_OF_LATER_SNAPSHOTS
    return COPY_BASE + size_gib * 1024 * share / COPY_MIB_PER_SECOND
