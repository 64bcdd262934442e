"""The one place where moto is patched. The patches know its inside, so its version is checked."""

from __future__ import annotations

import moto

from . import addresses, assume, default_keys, grants, images, instances, key_calls, keys, lag, replicas, rotation, snapshots, tags, volumes

MOTO_VERSION = "5.2.5"


def install() -> None:
    if moto.__version__ != MOTO_VERSION:
        raise SystemExit(f"the local AWS needs moto {MOTO_VERSION}, and this is {moto.__version__}: install local/requirements.txt")
    for extension in (tags, assume, keys, default_keys, key_calls, grants, rotation, replicas, volumes, snapshots, images, instances, addresses, lag):
        extension.install()
