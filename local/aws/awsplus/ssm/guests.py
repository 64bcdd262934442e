"""What runs in instances: the SSM agent, and whether file systems are frozen.

`fsfreeze -f` and `fsfreeze -u` in the parameters of a command freeze and thaw. A command that fails or hangs after its
freeze leaves the file system frozen, which is what hooks have to reckon with; a thaw that does not succeed thaws
nothing.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_block_store import EBSBackend

from ..wire.clock import CLOCK, date_of
from ..wire.control import ControlError, route

ONLINE, OFFLINE, NONE = "online", "offline", "none"
"""The agent answers; it did once and does not now (`ConnectionLost`); there is none, or SSM does not know it."""


def agent_of(instance: Any) -> str:
    return instance.__dict__.get("agent", ONLINE) if instance.state == "running" else NONE


def platform_of(instance: Any) -> str:
    return "Windows" if instance.platform == "windows" else "Linux"


def files_of(instance: Any) -> dict[str, str]:
    """Text by path: what commands that read files find."""
    return instance.__dict__.setdefault("files", {})


def invocations_on(instance: Any) -> list[Any]:
    return instance.__dict__.setdefault("invocations", [])


def marks_of(instance: Any) -> list[tuple[float, bool]]:
    """When it was frozen (True) and thawed, as far as that has happened."""
    marks = [mark for invocation in invocations_on(instance) for mark in invocation.marks()]
    return sorted(mark for mark in marks if CLOCK.is_past(mark[0]))


def is_frozen(instance: Any) -> bool:
    marks = marks_of(instance)
    return bool(marks) and marks[-1][1]


def _noticing(original: Any) -> Any:
    """Each snapshot remembers whether its instance was frozen at that moment."""

    def create_snapshot(self: Any, volume_id: str, *args: Any, **kwargs: Any) -> Any:
        snapshot = original(self, volume_id, *args, **kwargs)
        snapshot.was_frozen = any(is_frozen(link.instance) for link in self.get_volume(volume_id).attachments)
        return snapshot

    return create_snapshot


def _instance(asked: dict[str, Any]) -> tuple[Any, Any]:
    backend = ec2_backends[asked["accountId"]][asked["region"]]
    return backend, backend.get_instance(asked["instanceId"])


@route("GET", "guest")
def tell(asked: dict[str, Any]) -> dict[str, Any]:
    """`?accountId=…&region=…&instanceId=…`: what was frozen and thawed when, and which snapshots were taken frozen."""
    backend, instance = _instance(asked)
    volumes = {block.volume_id for block in instance.block_device_mapping.values()}
    snapshots = [s for s in list(backend.snapshots.values()) if s.volume_id in volumes]
    return {
        "agent": agent_of(instance),
        "frozen": is_frozen(instance),
        "marks": [
            {"at": date_of(at).isoformat(), "what": "frozen" if frozen else "thawed"}
            for at, frozen in marks_of(instance)
        ],
        "snapshots": [{"snapshotId": s.id, "frozen": getattr(s, "was_frozen", False)} for s in snapshots],
    }


@route("POST", "guest")
def change(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"accountId", "region", "instanceId", "agent": "online"|"offline"|"none", "platform": "windows"|"linux",
    "files": {path: text}}`"""
    _, instance = _instance(asked)
    if asked.get("agent", ONLINE) not in (ONLINE, OFFLINE, NONE) or asked.get("platform", "linux") not in (
        "windows",
        "linux",
    ):
        raise ControlError("agent is online, offline or none, and platform windows or linux")
    files_of(instance).update(asked.get("files", {}))
    if "agent" in asked:
        instance.__dict__["agent"] = asked["agent"]
    if "platform" in asked:
        instance.platform = "windows" if asked["platform"] == "windows" else None
    return tell(asked)


def install() -> None:
    EBSBackend.create_snapshot = _noticing(EBSBackend.create_snapshot)
