"""Target groups of Elastic Load Balancing v2: targets by id and port, draining that takes time, health that is checked.

moto keeps one port a target, forgets a target the moment it is deregistered, and calls every other one healthy.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends
from moto.elbv2.exceptions import ELBClientError, InvalidTargetError, TargetGroupNotFoundError, TargetNotRunning
from moto.elbv2.models import FakeTargetGroup
from moto.elbv2.responses import ELBV2Response

from ..wire.clock import CLOCK
from ..wire.faults import semantic
from ..wire.patch import extend

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroups.html
GROUPS_A_PAGE = 400

_NOT_REGISTERED = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
_NOT_IN_USE = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
_DRAINING = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
_INITIAL = ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
_UNHEALTHY = ("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed")


@dataclass
class Target:
    id: str
    port: int
    zone: str | None
    registered_at: float
    answers: bool
    """Whether the program behind it passes the group's health checks."""
    drained_at: float | None = None
    """Of one that is deregistered: when its connections have ended."""

    @property
    def key(self) -> tuple[str, int]:
        return self.id, self.port

    @property
    def is_gone(self) -> bool:
        return self.drained_at is not None and CLOCK.is_past(self.drained_at)


class _Targets(FakeTargetGroup):
    """What each group has instead of moto's own; `targets` is by id and port."""

    def register(self, targets: list[dict[str, Any]]) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html"""
        for asked in targets:
            _require_running(self, asked["Id"])
        for asked in targets:
            target = _target(self, asked)
            known = self.targets.get(target.key)
            # Who is registered already, and not on the way out, stays as healthy as it was.
            if known is None or known.drained_at is not None:
                self.targets[target.key] = target

    def deregister(self, targets: list[dict[str, Any]]) -> None:
        """What is not there counts as done: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html"""
        for asked in targets:
            known = self.targets.get(_key(self, asked))
            if known is not None and known.drained_at is None:
                delay = (
                    float(self.attributes["deregistration_delay.timeout_seconds"]) if self.load_balancer_arns else 0.0
                )
                known.drained_at = CLOCK.after(delay)

    def deregister_terminated_instances(self, instance_ids: list[str]) -> None:
        self.deregister([{"Id": t.id, "Port": t.port} for t in list(self.targets.values()) if t.id in instance_ids])


def _require_running(group: Any, target_id: str) -> None:
    if group.target_type != "instance":
        return
    instances = {
        i.id: i for r in ec2_backends[group.account_id][group.region_name].all_reservations() for i in r.instances
    }
    if target_id not in instances:
        raise InvalidTargetError()
    if instances[target_id].state != "running":
        raise TargetNotRunning(instance_id=target_id)


def _key(group: Any, asked: dict[str, Any]) -> tuple[str, int]:
    return asked["Id"], int(asked.get("Port") or group.port)


def _target(group: Any, asked: dict[str, Any]) -> Target:
    zone = asked.get("AvailabilityZone")
    if zone and group.target_type == "instance":
        raise ELBClientError("ValidationError", "You cannot specify an Availability Zone for targets of type instance")
    if group.target_type == "ip" and not zone:
        zone = _zone_of(group, asked["Id"])
    target_id, port = _key(group, asked)
    return Target(target_id, port, zone, CLOCK.now(), answers=not semantic("unhealthy"))


def _zone_of(group: Any, address: str) -> str | None:
    """Found by itself where the address is in a subnet of the VPC."""
    interfaces = list(ec2_backends[group.account_id][group.region_name].enis.values())
    return next((i.subnet.availability_zone for i in interfaces if i.private_ip_address == address), None)


def _health(group: Any, target: Target | None) -> tuple[str, ...]:
    if target is None or target.is_gone:
        return _NOT_REGISTERED
    if not group.load_balancer_arns:
        return _NOT_IN_USE
    if target.drained_at is not None:
        return _DRAINING
    instance = _instance_of(group, target)
    if instance is not None and instance.state not in ("running", "pending"):
        return ("unused", "Target.InvalidState", f"Target is in the {instance.state} state")
    up_since = 0.0 if instance is None else instance.__dict__.get("_transition", (0.0,))[0]
    checks = int(group.health_check_interval_seconds) * int(group.healthy_threshold_count)
    takes = 0.0 if CLOCK.speed is None else checks
    if not CLOCK.is_past(max(target.registered_at, up_since) + takes):
        return _INITIAL
    return ("healthy",) if target.answers else _UNHEALTHY


def _instance_of(group: Any, target: Target) -> Any:
    instances = (i for r in ec2_backends[group.account_id][group.region_name].all_reservations() for i in r.instances)
    return next((i for i in instances if target.id in (i.id, i.private_ip)), None)


def _told(group: Any, target_id: str, port: int, target: Target | None) -> dict[str, Any]:
    state, *why = _health(group, target)
    zone = {"AvailabilityZone": target.zone} if target and target.zone else {}
    return {
        "Target": {"Id": target_id, "Port": port, **zone},
        "HealthCheckPort": str(port if group.health_check_port == "traffic-port" else group.health_check_port),
        "TargetHealth": {"State": state, **({"Reason": why[0], "Description": why[1]} if why else {})},
    }


class _Responses(ELBV2Response):
    def describe_target_health(self) -> ActionResult:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html"""
        group = _group(self)
        asked = [_key(group, target) for target in self._get_param("Targets", [])]
        keys = asked or [key for key, target in list(group.targets.items()) if not target.is_gone]
        return ActionResult({"TargetHealthDescriptions": [_told(group, *key, group.targets.get(key)) for key in keys]})

    def register_targets(self) -> EmptyResult:
        _group(self).register(self._get_param("Targets", []))
        return EmptyResult()

    def deregister_targets(self) -> EmptyResult:
        _group(self).deregister(self._get_param("Targets", []))
        return EmptyResult()

    def describe_target_groups(self) -> ActionResult:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroups.html"""
        wanted = (
            self._get_param("LoadBalancerArn"),
            self._get_param("TargetGroupArns", []),
            self._get_param("Names", []),
        )
        groups = list(self.elbv2_backend.describe_target_groups(*wanted))
        start, size = int(self._get_param("Marker") or 0), int(self._get_param("PageSize") or GROUPS_A_PAGE)
        end = start + size
        return ActionResult({"TargetGroups": groups[start:end], "NextMarker": str(end) if end < len(groups) else None})


def _group(response: Any) -> Any:
    group = response.elbv2_backend.target_groups.get(response._get_param("TargetGroupArn"))
    if group is None:
        raise TargetGroupNotFoundError()
    return group


def install() -> None:
    extend(FakeTargetGroup, _Targets)
    extend(ELBV2Response, _Responses)
