"""What is on a volume: blocks with versions. Two volumes hold the same when every block has the same version.

A version stands for 512 KiB of data, so that a big account costs little. Snapshots and the volumes made from them share
one mapping until somebody writes.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from moto.ec2.models import ec2_backends

from ..wire.control import ControlError, route

BLOCK_BYTES = 512 * 1024
BLOCKS_PER_GIB = 1024**3 // BLOCK_BYTES

Content = Mapping[int, int]
"""Version by block index; blocks that were never written are not in it."""

NOTHING: Content = MappingProxyType({})

_versions = itertools.count(1)

# CreateSnapshots is one instant across the volumes of an instance: nobody writes between the first and the last.
WRITES = threading.RLock()


def content_of(resource: Any) -> Content:
    return getattr(resource, "content", NOTHING)


def holds_content_of(resource: Any, source: Any) -> None:
    """From now on the resource has what the source has at this moment; later writes reach one of them only."""
    with WRITES:
        resource.content = content_of(source)


def changed_blocks(before: Content, after: Content) -> set[int]:
    return {index for index in before.keys() | after.keys() if before.get(index) != after.get(index)}


def digest(content: Content) -> str:
    """The same content has the same digest, whatever it is encrypted under."""
    return hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()


def write(volume: Any, indexes: list[int]) -> None:
    """As a program on the machine would: every block gets a version that no other block ever had."""
    beyond = [index for index in indexes if not 0 <= index < volume.size * BLOCKS_PER_GIB]
    if beyond:
        raise ControlError(f"{volume.id} of {volume.size} GiB has no block {beyond[0]}")
    if not any(link.status in ("attached", "busy") and link.instance.state == "running" for link in volume.attachments):
        raise ControlError(f"{volume.id} is not attached to a running instance: nobody can write to it")
    with WRITES:
        volume.content = MappingProxyType({**content_of(volume), **{index: next(_versions) for index in indexes}})


@route("POST", "blocks")
def write_blocks(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"accountId", "region", "volumeId", "blocks": [0, 7]}` writes new data to these blocks of a volume."""
    volume = _backend(asked).get_volume(asked["volumeId"])
    write(volume, [int(index) for index in asked["blocks"]])
    return {"digest": digest(content_of(volume))}


@route("GET", "digest")
def tell_digest(asked: dict[str, Any]) -> dict[str, Any]:
    """`?accountId=…&region=…&volumeId=…`, or `snapshotId`: what tells whether two hold the same."""
    backend = _backend(asked)
    resource = (
        backend.get_volume(asked["volumeId"]) if "volumeId" in asked else backend.get_snapshot(asked["snapshotId"])
    )
    return {"digest": digest(content_of(resource)), "blocks": len(content_of(resource))}


def _backend(asked: dict[str, Any]) -> Any:
    return ec2_backends[asked["accountId"]][asked["region"]]
