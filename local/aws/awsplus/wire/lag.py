"""Reads that lag behind writes: "the Amazon EC2 API follows an eventual consistency model".

A Describe call is answered as of so many seconds ago: what was made since is not there, neither by id nor in a list,
and
states, attachments and tags are those of that moment. Calls that act see everything as it is.
https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.ec2.exceptions import InvalidInstanceIdError, InvalidVolumeIdError
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.models.tags import TagBackend

from .calls import Call
from .clock import CLOCK
from .control import route
from .gateway import App, Start


class Lag:
    seconds = 0.0


LAG = Lag()


def look_back(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway."""
    if LAG.seconds <= 0 or call.service != "ec2" or not call.action.startswith("Describe"):
        return onward(environ, start)
    with CLOCK.looking_back(LAG.seconds):
        return onward(environ, start)


def born(resource: Any) -> Any:
    resource.born_at = CLOCK.now()
    return resource


def is_shown(resource: Any) -> bool:
    return getattr(resource, "born_at", 0) <= CLOCK.now()


def shown(resources: list[Any]) -> list[Any]:
    """Those that a Describe call shows by now."""
    return [resource for resource in resources if is_shown(resource)] if LAG.seconds > 0 else resources


@route("POST", "lag")
def change(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"seconds": 5}`, of AWS time."""
    LAG.seconds = float(asked["seconds"])
    return {"seconds": LAG.seconds}


class History:
    """What a resource had before its last changes, as long as a read could still want it."""

    def __init__(self) -> None:
        self._before: list[tuple[float, Any]] = []

    def changes(self, before: Any) -> None:
        now = CLOCK.now()
        self._before = [(at, value) for at, value in self._before if at > now - LAG.seconds] + [(now, before)]

    def seen(self, value: Any) -> Any:
        now = CLOCK.now()
        return next((before for at, before in self._before if at > now), value)


_TAGS: dict[tuple[int, str], History] = {}


def forget() -> None:
    _TAGS.clear()


def tags_seen(backend: Any, resource_id: str, tags: dict[str, str]) -> dict[str, str]:
    history = _TAGS.get((id(backend), resource_id))
    return history.seen(tags) if history and LAG.seconds > 0 else tags


def _remembering_tags(original: Any) -> Any:
    def change_tags(self: Any, resource_ids: list[str], tags: Any) -> bool:
        if LAG.seconds > 0:
            for resource_id in resource_ids:
                _TAGS.setdefault((id(self), resource_id), History()).changes(dict(self.tags.get(resource_id, {})))
        return original(self, resource_ids, tags)

    return change_tags


def _describe_volumes(original: Any) -> Any:
    def describe(self: Any, volume_ids: list[str] | None = None, filters: Any = None) -> list[Any]:
        found = original(self, volume_ids, filters)
        visible = shown(found)
        if volume_ids and len(visible) < len(found):
            raise InvalidVolumeIdError(next(volume.id for volume in found if volume not in visible))
        return visible

    return describe


def _by_ids(original: Any) -> Any:
    def get(self: Any, instance_ids: list[str], filters: Any = None) -> list[Any]:
        late = (
            [i.id for i in self.all_instances() if i.id in instance_ids and not is_shown(i)] if LAG.seconds > 0 else []
        )
        if late:
            raise InvalidInstanceIdError(late)
        return original(self, instance_ids, filters)

    return get


def _all_reservations(original: Any) -> Any:
    def reservations(self: Any, filters: Any = None) -> list[Any]:
        found = original(self, filters)
        for reservation in found:
            reservation.instances = shown(reservation.instances)
        return [reservation for reservation in found if reservation.instances]

    return reservations


def install() -> None:
    EBSBackend.describe_volumes = _describe_volumes(EBSBackend.describe_volumes)
    InstanceBackend.get_reservations_by_instance_ids = _by_ids(InstanceBackend.get_reservations_by_instance_ids)
    InstanceBackend.all_reservations = _all_reservations(InstanceBackend.all_reservations)
    for name in ("create_tags", "delete_tags", "delete_tag_keys"):
        setattr(TagBackend, name, _remembering_tags(getattr(TagBackend, name)))
    make = Instance.__init__

    def make_and_date(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        born(self)

    Instance.__init__ = make_and_date
