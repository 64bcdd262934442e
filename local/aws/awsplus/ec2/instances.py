"""Instances: devices with all their attributes, and states that take time."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.utils import convert_tag_spec, filter_reservations

from ..iam.accounts import backend_of
from ..iam.callers import current
from ..kms import key_use
from ..wire import durations
from ..wire.clock import CLOCK
from ..wire.errors import ec2_error
from ..wire.lag import History
from ..wire.pages import paged
from ..wire.patch import extend
from ..wire.tokens import idempotent
from .attachments import drop, instance_links, link_up, links, release_busy
from .device_mappings import joined, parsed
from .images import visible_image

# The most that a page has, and has where nobody says: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
INSTANCES_A_PAGE = 1000


def _state_of(self: Any) -> Any:
    """moto's own object is where the instance is going to; on its way there it is in another state."""
    goal = self.__dict__["_ec2_state"]
    until, *via = self.__dict__.get("_transition", (0, goal.name, goal.code))
    name, code = (goal.name, goal.code) if CLOCK.is_past(until) else via
    seen = _states(self).seen((name, code))
    return goal if seen == (goal.name, goal.code) else InstanceState(*seen)


def _states(instance: Any) -> History:
    return instance.__dict__.setdefault("_states", History())


def _set_state(self: Any, value: Any) -> None:
    self.__dict__["_ec2_state"] = value


def _leaves_state(self: Any) -> Any:
    """The state that it is about to leave, which reads that lag still show."""
    state = self._state
    _states(self).changes((state.name, state.code))
    return copy.copy(state)


def _in_transition(self: Any, via: tuple[str, int], seconds: float) -> None:
    if CLOCK.speed is not None:
        self.__dict__["_transition"] = (CLOCK.after(seconds), *via)


def _start(original: Any) -> Any:
    def start(self: Any) -> Any:
        if self.state in ("running", "pending"):
            return self._state
        if self.state != "stopped":
            raise ec2_error(
                "IncorrectInstanceState", f"The instance '{self.id}' is not in a state from which it can be started."
            )
        if self.root_device_name not in self.block_device_mapping:
            raise ec2_error(
                "IncorrectInstanceState",
                f"Instance '{self.id}' does not have a volume attached at root ({self.root_device_name})",
            )
        previous = _leaves_state(self)
        original(self)
        self.launch_time = CLOCK.utcnow()
        if _has_unusable_key(self):
            _falls_back(self)
        else:
            _in_transition(self, ("pending", 0), durations.INSTANCE_START)
        return previous

    return start


def reboot(instance: Any) -> None:
    """It stays `running`; its checks begin anew."""
    instance.__dict__["_transition"] = (CLOCK.now(), "running", 16)


def _has_unusable_key(instance: Any) -> bool:
    """The caller's permission counts, not that of whoever made the volumes: https://repost.aws/knowledge-center/encrypted-volumes-stops-immediately"""
    backend = instance.ec2_backend
    caller = current(backend.account_id)
    volumes = [backend.get_volume(block.volume_id) for block in instance.block_device_mapping.values()]
    return any(v.encrypted and not key_use.is_usable(caller, backend.region_name, v.kms_key_id) for v in volumes)


def _falls_back(instance: Any) -> None:
    """An encrypted volume that cannot be opened: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html"""
    goal = instance.__dict__["_ec2_state"]
    goal.name, goal.code = "stopped", 80
    instance.state_reason = StateReason("Client error on launch", "Client.InternalError")
    _in_transition(instance, ("pending", 0), durations.INSTANCE_FALLBACK)


def _never_starts(instance: Any) -> None:
    """A launch from an image whose key the account may not use: the instance is there, and then it is terminated."""
    instance.terminate()
    instance.state_reason = StateReason("Client error on launch", "Client.InternalError")
    _in_transition(instance, ("pending", 0), durations.INSTANCE_FALLBACK)


def _stop(original: Any) -> Any:
    def stop(self: Any) -> Any:
        if self.state in ("stopped", "stopping"):
            return self._state
        if self.state != "running":
            raise ec2_error(
                "IncorrectInstanceState", f"The instance '{self.id}' is not in a state from which it can be stopped."
            )
        previous = _leaves_state(self)
        original(self)
        release_busy(self)
        _in_transition(self, ("stopping", 64), durations.INSTANCE_STOP)
        return previous

    return stop


def _terminate(original: Any) -> Any:
    def terminate(self: Any) -> Any:
        """Volumes go or stay by their DeleteOnTermination: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html"""
        if self.state in ("shutting-down", "terminated"):
            return self._state
        previous = _leaves_state(self)
        self.__dict__.pop("_transition", None)
        original(self)
        _in_transition(self, ("shutting-down", 32), durations.INSTANCE_STOP)
        return previous

    return terminate


def _check(self: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html"""
    if self.state != "running":
        return {"Status": "not-applicable"}
    running_since = self.__dict__.get("_transition", (0,))[0]
    passed = CLOCK.speed is None or CLOCK.is_past(running_since + durations.INSTANCE_CHECKS)
    return {
        "Status": "ok" if passed else "initializing",
        "Details": [{"Name": "reachability", "Status": "passed" if passed else "initializing"}],
    }


def _let_volumes_go(self: Any) -> None:
    """Of a terminated instance."""
    for link in instance_links(self):
        goes = link.delete_on_termination
        drop(link)
        if goes and not links(link.volume):
            self.ec2_backend.volumes.pop(link.volume.id, None)


def _template(backend: Any, asked: dict[str, Any] | None) -> dict[str, Any]:
    """What a launch template gives where the request says nothing: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html"""
    return backend._get_template_from_args(asked).data if asked else {}


def _required_image_id(image_id: str | None, template: dict[str, Any]) -> str:
    """It is given in the request or in the template:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html (ImageId)"""
    found = image_id or template.get("ImageId")
    if not found:
        raise ec2_error("MissingParameter", "The request must contain the parameter ImageId")
    return found


def _run(original: Any) -> Any:
    def run_instances(
        self: Any, image_id: str | None, count: int, user_data: Any, security_group_names: Any, **kwargs: Any
    ) -> Any:
        template = _template(self, kwargs.get("launch_template"))
        image = visible_image(self, _required_image_id(image_id, template))
        asked = kwargs.get("block_device_mappings") or parsed(template.get("BlockDeviceMappings") or [])
        wanted = joined(image, asked)
        volume_tags = {
            **convert_tag_spec(template.get("TagSpecifications") or []).get("volume", {}),
            **kwargs.get("tags", {}).get("volume", {}),
        }
        reservation = original(
            self, image.id, count, user_data, security_group_names, **{**kwargs, "block_device_mappings": []}
        )
        try:
            for instance in reservation.instances:
                instance.root_device_name = image.root_device_name
                for device in wanted:
                    _add_device(self, instance, image, device, volume_tags)
        except Exception:
            _take_back(self, reservation)
            raise
        for instance in reservation.instances:
            if _has_unusable_key(instance):
                _never_starts(instance)
            else:
                _in_transition(instance, ("pending", 0), durations.INSTANCE_START)
        return reservation

    return run_instances


def _take_back(backend: Any, reservation: Any) -> None:
    """A volume was refused: a refused call leaves nothing."""
    for instance in reservation.instances:
        for link in instance_links(instance):
            drop(link)
            backend.volumes.pop(link.volume.id, None)
        instance.terminate()
    backend.reservations.pop(reservation.id)


def _add_device(backend: Any, instance: Any, image: Any, device: dict[str, Any], tags: dict[str, str]) -> None:
    ebs = device["Ebs"]
    # Whoever may launch an image needs no permission on its snapshots:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-explicit.html
    of_image = backend_of(image.owner_id, backend.region_name).snapshots.get(ebs.get("SnapshotId"))
    volume = backend.create_volume(
        size=ebs.get("VolumeSize"),
        zone_name=instance.availability_zone,
        snapshot_id=ebs.get("SnapshotId"),
        encrypted=ebs.get("Encrypted") is True,
        kms_key_id=ebs.get("KmsKeyId"),
        volume_type=ebs.get("VolumeType") or "gp2",
        iops=ebs.get("Iops"),
        throughput=ebs.get("Throughput"),
        source=of_image,
    )
    volume.created_at = 0
    volume.add_tags(tags)
    is_root = device["DeviceName"] == instance.root_device_name
    link_up(volume, instance, device["DeviceName"], bool(ebs.get("DeleteOnTermination", is_root)))


def _parse_block_device_mapping(self: Any) -> list[dict[str, Any]]:
    return parsed(self._get_param("BlockDeviceMappings", []))


class _Responses(InstanceResponse):
    def describe_instances(self) -> ActionResult:
        """A page is of so many instances, wherever their reservations end; moto cuts none.
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html"""
        self.error_on_dryrun()
        ids, filters, most = (
            self._get_param("InstanceIds", []),
            self._filters_from_querystring(),
            self._get_param("MaxResults"),
        )
        _require_no_pages_by_id(ids, most)
        backend = self.ec2_backend
        reservations = (
            backend.get_reservations_by_instance_ids(ids, filters=filters)
            if ids
            else backend.describe_instances(filters=filters)
        )
        each = [(reservation, instance) for reservation in reservations for instance in reservation.instances]
        page, token = paged(each, most or (None if ids else INSTANCES_A_PAGE), self._get_param("NextToken"))
        told: dict[str, Any] = {}
        for reservation, instance in page:
            if reservation.id not in told:
                told[reservation.id] = copy.copy(reservation)
                told[reservation.id].instances = []
            told[reservation.id].instances.append(instance)
        return ActionResult({"Reservations": list(told.values()), "NextToken": token})

    def describe_instance_status(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html"""
        ids, most = self._get_param("InstanceIds", []), self._get_param("MaxResults")
        _require_no_pages_by_id(ids, most)
        filters = [{"name": name, "values": values} for name, values in self._filters_from_querystring().items()]
        found = self.ec2_backend.describe_instance_status(
            ids, self._get_bool_param("IncludeAllInstances", False), filters
        )
        page, token = paged(found, most, self._get_param("NextToken"))
        return ActionResult({"InstanceStatuses": page, "NextToken": token})


def _require_no_pages_by_id(ids: list[str], most: Any) -> None:
    if ids and most:
        raise ec2_error(
            "InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults"
        )


def _by_ids(self: Any, instance_ids: list[str], filters: Any = None) -> list[Any]:
    """moto looks through lists of ids for each instance."""
    wanted, found = set(instance_ids), []
    for reservation in self.all_reservations():
        reservation.instances = [instance for instance in reservation.instances if instance.id in wanted]
        if reservation.instances:
            found.append(reservation)
    unknown = wanted - {instance.id for reservation in found for instance in reservation.instances}
    if unknown:
        raise InvalidInstanceIdError(sorted(unknown))
    return filter_reservations(found, filters) if filters else found


def install() -> None:
    extend(InstanceResponse, _Responses)
    InstanceBackend.get_reservations_by_instance_ids = _by_ids
    Instance._state = property(_state_of, _set_state)
    Instance.instance_status = property(_check)
    Instance.system_status = property(_check)
    Instance.teardown_defaults = _let_volumes_go
    Instance.start = _start(Instance.start)
    Instance.stop = _stop(Instance.stop)
    Instance.terminate = _terminate(Instance.terminate)
    InstanceBackend.run_instances = _run(InstanceBackend.run_instances)
    InstanceResponse._parse_block_device_mapping = _parse_block_device_mapping
    InstanceResponse.run_instances = idempotent("RunInstances", InstanceResponse.run_instances)
