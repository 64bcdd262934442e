"""ModifyVolume: what may be changed, how often, and the states that it passes through.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modify-volume.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_block_store import VolumeModification
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import generic_filter

from ..wire import durations
from ..wire.clock import CLOCK, date_of
from ..wire.errors import ec2_error
from ..wire.pages import paged
from ..wire.patch import extend
from .volume_rules import require_valid, with_defaults

# As of January 2026: https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html
MODIFICATIONS_PER_DAY = 4
DAY = 86_400


class _Responses(ElasticBlockStore):
    def modify_volume(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVolume.html"""
        self.error_on_dryrun()
        volume = self.ec2_backend.get_volume(self._get_param("VolumeId"))
        _require_modifiable(volume)
        kind, size = self._get_param("VolumeType") or volume.volume_type, int(self._get_param("Size") or volume.size)
        same_kind = kind == volume.volume_type
        iops = self._get_param("Iops") or (volume.iops if same_kind and kind != "gp2" else None)
        throughput = self._get_param("Throughput") or (volume.throughput if same_kind else None)
        if size < volume.size:
            raise ec2_error(
                "InvalidParameterValue",
                f"New size cannot be smaller than existing size. New size: {size}, Existing size: {volume.size}",
            )
        require_valid(
            kind,
            size,
            int(iops) if iops else None,
            int(throughput) if throughput else None,
            bool(self._get_param("MultiAttachEnabled")),
        )
        iops, throughput = with_defaults(kind, size, iops, throughput)
        modification = VolumeModification(volume, size, kind, iops, throughput, self._get_param("MultiAttachEnabled"))
        modification.begun_at = CLOCK.now()
        modification.modified_at = CLOCK.after(durations.VOLUME_MODIFY)
        modification.optimized_at = CLOCK.after(
            durations.VOLUME_MODIFY + size * 1024 / durations.OPTIMIZE_MIB_PER_SECOND
        )
        # moto's own dates are by the wall clock.
        modification.start_time, modification.end_time = (
            date_of(modification.begun_at),
            date_of(modification.optimized_at),
        )
        volume.modifications.append(modification)
        volume.size, volume.volume_type, volume.iops, volume.throughput = size, kind, iops, throughput
        return ActionResult({"VolumeModification": _told(modification)})

    def describe_volumes_modifications(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumesModifications.html"""
        ids, filters = self._get_param("VolumeIds", []), self._filters_from_querystring()
        volumes = self.ec2_backend.describe_volumes(ids)
        found = [volume.modifications[-1] for volume in volumes if volume.modifications]
        if ids and len(found) < len(ids):
            missing = set(ids) - {modification.volume_id for modification in found}
            raise ec2_error(
                "InvalidVolumeModification.NotFound", f"Modification for volume '{sorted(missing)[0]}' does not exist."
            )
        found = generic_filter(filters, found) if filters else found
        page, token = paged(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult(
            {"VolumesModifications": [_told(modification) for modification in page], "NextToken": token}
        )


def _require_modifiable(volume: Any) -> None:
    if volume.status not in ("available", "in-use"):
        raise ec2_error("IncorrectState", f"Volume '{volume.id}' is not 'available' or 'in-use'.")
    if volume.modifications and _state(volume.modifications[-1]) == "modifying":
        raise ec2_error(
            "IncorrectModificationState",
            f"Volume {volume.id} in current modification state 'MODIFYING' cannot be modified.",
        )
    today = [m for m in volume.modifications if m.begun_at > CLOCK.now() - DAY]
    if len(today) >= MODIFICATIONS_PER_DAY:
        raise ec2_error(
            "VolumeModificationRateExceeded",
            f"You've reached the maximum modification rate per volume limit: {MODIFICATIONS_PER_DAY} in 24 hours",
        )


def _state(modification: Any) -> str:
    if not CLOCK.is_past(modification.modified_at):
        return "modifying"
    return "completed" if CLOCK.is_past(modification.optimized_at) else "optimizing"


def _told(modification: Any) -> dict[str, Any]:
    begun, done = modification.begun_at, modification.optimized_at
    state = _state(modification)
    told = {"VolumeId": modification.volume_id, "ModificationState": state, "StartTime": modification.start_time}
    for field in ("size", "iops", "volume_type", "throughput", "multi_attach_enabled"):
        name = "".join(word.capitalize() for word in field.split("_"))
        told[f"Original{name}"], told[f"Target{name}"] = (
            getattr(modification, f"{when}_{field}") for when in ("original", "target")
        )
    told["Progress"] = 100 if state == "completed" else int(100 * (CLOCK.now() - begun) / (done - begun))
    return {**told, "EndTime": modification.end_time} if state == "completed" else told


def install() -> None:
    extend(ElasticBlockStore, _Responses)
    VolumeModification.modification_state = property(_state)
