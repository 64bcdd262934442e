"""On-Demand Capacity Reservations: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-reservations.html

There is always room; that there is none is a fault, InsufficientInstanceCapacity.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.instances import InstanceResponse

from ..wire.clock import CLOCK, date_of
from ..wire.errors import ec2_error
from ..wire.pages import paged
from ..wire.patch import extend
from ..wire.tokens import idempotent
from .tags import asked_tags

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateCapacityReservation.html
_BASES = ("Linux", "RHEL", "RHEL with HA and", "Windows")
_EDITIONS = ("Enterprise", "Standard", "Web")
PLATFORMS = {
    "Linux/UNIX",
    "Red Hat Enterprise Linux",
    "RHEL with HA",
    "SUSE Linux",
    "Ubuntu Pro",
    "Windows",
    "Windows with SQL Server",
    *(f"{base} with SQL Server {edition}".replace("and with", "and") for base in _BASES for edition in _EDITIONS),
}


class Reservation:
    def __init__(self, response: Any) -> None:
        param = response._get_param
        self.id = f"cr-{uuid.uuid4().hex[:17]}"
        self.backend, self.owner_id = response.ec2_backend, response.current_account
        self.instance_type, self.platform, self.zone = (
            param("InstanceType"),
            param("InstancePlatform"),
            param("AvailabilityZone"),
        )
        self.tenancy, self.match = param("Tenancy", "default"), param("InstanceMatchCriteria", "open")
        self.count, self.end_type = int(param("InstanceCount")), param("EndDateType", "unlimited")
        self.ends_at = _seconds(param("EndDate"))
        self.created_at, self.cancelled = CLOCK.now(), False

    @property
    def state(self) -> str:
        if self.cancelled:
            return "cancelled"
        return "expired" if self.ends_at is not None and CLOCK.is_past(self.ends_at) else "active"

    @property
    def used(self) -> int:
        """Running instances that match run in an open reservation by themselves."""
        if self.match != "open" or self.state != "active":
            return 0
        kind = (self.instance_type, self.zone, self.tenancy)
        running = [i for i in self.backend.all_instances() if i.state in ("pending", "running")]
        return min(self.count, sum((i.instance_type, i.availability_zone, "default") == kind for i in running))

    def told(self) -> dict[str, Any]:
        return {
            "CapacityReservationId": self.id,
            "OwnerId": self.owner_id,
            "InstanceType": self.instance_type,
            "InstancePlatform": self.platform,
            "AvailabilityZone": self.zone,
            "Tenancy": self.tenancy,
            "TotalInstanceCount": self.count,
            "AvailableInstanceCount": self.count - self.used if self.state == "active" else 0,
            "State": self.state,
            "StartDate": date_of(self.created_at),
            "CreateDate": date_of(self.created_at),
            "EndDateType": self.end_type,
            "EndDate": date_of(self.ends_at) if self.ends_at is not None else None,
            "InstanceMatchCriteria": self.match,
            "Tags": self.tags,
        }

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.backend.tags.get(self.id, {}).items()]

    def passes(self, name: str, values: list[str]) -> bool:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeCapacityReservations.html"""
        if name.startswith("tag:"):
            return {t["Key"]: t["Value"] for t in self.tags}.get(name[len("tag:") :]) in values
        known = {
            "state": self.state,
            "instance-type": self.instance_type,
            "availability-zone": self.zone,
            "instance-platform": self.platform,
        }
        if name not in known:
            raise ec2_error("InvalidParameterValue", f"The filter '{name}' is invalid")
        return known[name] in values


class _Responses(InstanceResponse):
    def create_capacity_reservation(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateCapacityReservation.html"""
        self.error_on_dryrun()
        tags = asked_tags(self, "capacity-reservation").get("capacity-reservation", {})
        reservation = Reservation(self)
        _check(reservation)
        self.ec2_backend.create_tags([reservation.id], tags)
        _all(self)[reservation.id] = reservation
        return ActionResult({"CapacityReservation": reservation.told()})

    def describe_capacity_reservations(self) -> ActionResult:
        ids, filters = self._get_param("CapacityReservationIds", []), self._get_param("Filters", [])
        for each in ids:
            _found(self, each)
        reservations = [r for r in list(_all(self).values()) if not ids or r.id in ids]
        told = [r.told() for r in reservations if all(r.passes(f["Name"], f["Values"]) for f in filters)]
        page, token = paged(told, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"CapacityReservations": page, "NextToken": token})

    def cancel_capacity_reservation(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CancelCapacityReservation.html"""
        self.error_on_dryrun()
        reservation = _found(self, self._get_param("CapacityReservationId"))
        if reservation.state != "active":
            raise ec2_error(
                "InvalidCapacityReservationState", f"The Capacity Reservation {reservation.id} is {reservation.state}"
            )
        reservation.cancelled = True
        return ActionResult({"Return": True})


def _check(reservation: Reservation) -> None:
    if reservation.platform not in PLATFORMS:
        raise ec2_error(
            "InvalidParameterValue", f"Value ({reservation.platform}) for parameter instancePlatform is invalid."
        )
    if reservation.zone not in {zone.name for zone in reservation.backend.describe_availability_zones()}:
        raise ec2_error("InvalidParameterValue", f"Invalid availability zone: [{reservation.zone}]")
    if reservation.count < 1 or (reservation.end_type == "limited") != (reservation.ends_at is not None):
        raise ec2_error(
            "InvalidParameterValue", "InstanceCount is at least 1, and EndDate goes with EndDateType limited"
        )
    if reservation.ends_at is not None and CLOCK.is_past(reservation.ends_at):
        raise ec2_error("InvalidParameterValue", "The end date is in the past")


def _seconds(moment: Any) -> float | None:
    if moment is None:
        return None
    parsed = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment).replace("Z", "+00:00"))
    return parsed.timestamp()


def _all(response: Any) -> dict[str, Reservation]:
    return response.ec2_backend.__dict__.setdefault("capacity_reservations", {})


def _found(response: Any, reservation_id: str) -> Reservation:
    if reservation_id not in _all(response):
        raise ec2_error(
            "InvalidCapacityReservationId.NotFound", f"The capacity reservation ID {reservation_id} does not exist"
        )
    return _all(response)[reservation_id]


def install() -> None:
    extend(InstanceResponse, _Responses)
    InstanceResponse.create_capacity_reservation = idempotent(
        "CreateCapacityReservation", InstanceResponse.create_capacity_reservation
    )
