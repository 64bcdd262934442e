"""The public images that moto loads into every region (`--default-images`): each with a snapshot of its own, which is
not encrypted."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.amis import Ami
from moto.ec2.models.elastic_block_store import Snapshot, Volume
from moto.ec2.utils import random_snapshot_id, random_volume_id

# As moto tells it of every image that it makes.
ROOT_GIB = 15


class _Publisher:
    """Whoever published the image: its volume was in no account of ours, and under no setting of one. Backends load
    their images
    while they are made, and the rules for volumes would look for settings, keys and quotas in a backend that is not
    there yet."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def create_volume(self, size: int, zone_name: str) -> Any:
        return Volume(
            self._backend,
            random_volume_id(),
            size,
            self._backend.get_zone_by_name(zone_name),
            None,
            False,
            None,
            "standard",
            None,
            None,
        )

    def create_snapshot(self, volume_id: str, description: str, owner_id: str, from_ami: str) -> Any:
        source = Volume(self._backend, volume_id, ROOT_GIB, None, None, False, None, "standard", None, None)
        snapshot = Snapshot(self._backend, random_snapshot_id(), source, description, False, None, owner_id, from_ami)
        snapshot.size_when_taken, snapshot.volume_id_when_taken = ROOT_GIB, volume_id
        self._backend.snapshots[snapshot.id] = snapshot
        return snapshot

    def delete_volume(self, _: str) -> None:
        return None


def _with_root_that_goes(device: dict[str, Any]) -> dict[str, Any]:
    """With its instance, "by default"; moto's list says otherwise:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html"""
    return {**device, "Ebs": {**device["Ebs"], "DeleteOnTermination": True}}


def install() -> None:
    make = Ami.__init__

    def make_published(self: Any, ec2_backend: Any, *args: Any, **kwargs: Any) -> None:
        """An image of moto's own list is told by the plain backend that it is given; those of calls have a snapshot
        for each device."""
        is_of_a_call = getattr(ec2_backend, "makes_its_snapshots", False)
        make(self, ec2_backend if is_of_a_call else _Publisher(ec2_backend), *args, **kwargs)
        if not is_of_a_call:
            self.ec2_backend = ec2_backend
            self.devices = [_with_root_that_goes(device) for device in self.block_device_mappings]

    Ami.__init__ = make_published
