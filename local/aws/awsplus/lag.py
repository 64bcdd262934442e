"""Reads that lag behind writes: "the Amazon EC2 API follows an eventual consistency model".

What was made less than so many seconds ago is in no answer to a Describe call yet: lists are without it, and asking for
its id is NotFound. Calls that act on it find it. https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import InvalidVolumeIdError
from moto.ec2.models.elastic_block_store import EBSBackend

from .clock import CLOCK
from .control import route


class Lag:
    seconds = 0.0


LAG = Lag()


def born(resource: Any) -> Any:
    resource.born_at = CLOCK.now()
    return resource


def shown(resources: list[Any]) -> list[Any]:
    """Those that a Describe call shows by now."""
    if LAG.seconds <= 0:
        return resources
    newest = CLOCK.now() - LAG.seconds
    return [resource for resource in resources if getattr(resource, "born_at", 0) <= newest]


@route("POST", "lag")
def change(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"seconds": 5}`, of AWS time."""
    LAG.seconds = float(asked["seconds"])
    return {"seconds": LAG.seconds}


def install() -> None:
    describe_volumes = EBSBackend.describe_volumes

    def describe(self: Any, volume_ids: list[str] | None = None, filters: Any = None) -> list[Any]:
        found = describe_volumes(self, volume_ids, filters)
        visible = shown(found)
        if volume_ids and len(visible) < len(found):
            raise InvalidVolumeIdError(next(volume.id for volume in found if volume not in visible))
        return visible

    EBSBackend.describe_volumes = describe
