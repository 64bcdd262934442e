"""The one place where moto is patched. The patches know its inside, so its version is checked."""

from __future__ import annotations

import moto

from . import addresses, assume, attachments, clones, default_keys, grants, images, instances, key_calls, keys, lag, modifications, replicas, root_replacement, rotation, snapshots, tags, volumes

MOTO_VERSION = "5.2.5"


def install() -> None:
    if moto.__version__ != MOTO_VERSION:
        raise SystemExit(f"the local AWS needs moto {MOTO_VERSION}, and this is {moto.__version__}: install local/requirements.txt")
    for extension in (tags, assume, keys, default_keys, key_calls, grants, rotation, replicas, attachments, volumes, clones, modifications, snapshots, images, instances, root_replacement, addresses, lag):
        extension.install()
