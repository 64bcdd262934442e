"""What size, IOPS, throughput and Multi-Attach a volume type may have, as of November 2026.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..wire.errors import ec2_error

TIB = 1024


@dataclass(frozen=True)
class Limits:
    size: tuple[int, int]
    """GiB."""
    iops: tuple[int, int] | None = None
    iops_per_gib: int = 0
    throughput: tuple[int, int] | None = None
    """MiB/s."""
    multi_attach: bool = False


TYPES = {
    "gp2": Limits((1, 16 * TIB)),
    "gp3": Limits((1, 64 * TIB), iops=(3000, 80_000), iops_per_gib=500, throughput=(125, 2000)),
    "io1": Limits((4, 16 * TIB), iops=(100, 64_000), iops_per_gib=50, multi_attach=True),
    "io2": Limits((4, 64 * TIB), iops=(100, 256_000), iops_per_gib=1000, multi_attach=True),
    "st1": Limits((125, 16 * TIB)),
    "sc1": Limits((125, 16 * TIB)),
    "standard": Limits((1, TIB)),
}
GP3_THROUGHPUT_PER_IOPS = 0.25


def require_valid(
    volume_type: str, size: int, iops: int | None, throughput: int | None, multi_attach: bool = False
) -> None:
    """The words are EC2's where they are known, as people have reported them:
    https://github.com/kubernetes-retired/kube-aws/issues/1208 (iops),
    https://github.com/aws/aws-parallelcluster/issues/3951 (throughput),
    https://github.com/velero-io/velero-plugin-for-aws/pull/119 (no iops). Those about Multi-Attach are made up after
    them.
    """
    limits = TYPES.get(volume_type)
    if limits is None:
        raise ec2_error("UnknownVolumeType", f"Unsupported volume type '{volume_type}' for volume creation.")
    if not limits.size[0] <= size <= limits.size[1]:
        raise ec2_error(
            "InvalidParameterValue",
            f"Volume of {size}GiB is invalid; {volume_type} volumes are of {limits.size[0]} to {limits.size[1]} GiB",
        )
    _require_iops(volume_type, limits, size, iops)
    _require_throughput(volume_type, limits, iops, throughput)
    if multi_attach and not limits.multi_attach:
        raise ec2_error(
            "InvalidParameterCombination",
            f"The parameter MultiAttachEnabled is not supported for {volume_type} volumes.",
        )


def _require_iops(volume_type: str, limits: Limits, size: int, iops: int | None) -> None:
    if iops is None:
        if volume_type in ("io1", "io2"):
            raise ec2_error(
                "InvalidParameterCombination", f"The parameter iops must be specified for {volume_type} volumes."
            )
        return
    if limits.iops is None:
        raise ec2_error(
            "InvalidParameterCombination", f"The parameter iops is not supported for {volume_type} volumes."
        )
    if not limits.iops[0] <= iops <= limits.iops[1]:
        raise ec2_error(
            "InvalidParameterValue",
            f"Volume iops of {iops} is not in {limits.iops[0]} to {limits.iops[1]} for {volume_type} volumes",
        )
    if iops > max(limits.iops[0], size * limits.iops_per_gib):
        raise ec2_error(
            "InvalidParameterValue",
            f"Iops to volume size ratio of {iops / size:f} is too high; maximum is {limits.iops_per_gib}",
        )


def _require_throughput(volume_type: str, limits: Limits, iops: int | None, throughput: int | None) -> None:
    if throughput is None:
        return
    if limits.throughput is None:
        raise ec2_error(
            "InvalidParameterCombination", f"The throughput parameter is not supported for {volume_type} volumes."
        )
    if not limits.throughput[0] <= throughput <= limits.throughput[1]:
        raise ec2_error(
            "InvalidParameterValue",
            f"Throughput of {throughput} MiB/s is not in {limits.throughput[0]} to {limits.throughput[1]}",
        )
    if throughput > (iops or 3000) * GP3_THROUGHPUT_PER_IOPS:
        raise ec2_error(
            "InvalidParameterValue",
            f"Throughput (MiBps) to iops ratio of {throughput / (iops or 3000):f} is too high; maximum is "
            f"{GP3_THROUGHPUT_PER_IOPS}",
        )


def with_defaults(volume_type: str, size: int, iops: Any, throughput: Any) -> tuple[int | None, int | None]:
    """IOPS and throughput as DescribeVolumes tells them where nobody asked for any."""
    if volume_type == "gp3":
        return int(iops or 3000), int(throughput or 125)
    if volume_type == "gp2":
        return max(100, min(16_000, 3 * size)), None
    return (int(iops) if iops else None), None
