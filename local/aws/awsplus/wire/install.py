"""The one place where moto is patched. The patches know its inside, so its version is checked."""

from __future__ import annotations

import moto

from ..ec2 import (
    addresses,
    attachments,
    capacity,
    clones,
    default_images,
    direct,
    fast_restore,
    image_care,
    image_usage,
    images,
    instances,
    locks,
    modifications,
    public_access,
    recycle_bin,
    root_replacement,
    snapshots,
    tags,
    tiers,
    volumes,
)
from ..elb import target_groups
from ..iam import assume, quotas, simulation, trail
from ..kms import default_keys, grants, key_calls, keys, replicas, rotation
from ..ssm import commands, guests
from . import answers, lag, reset

# In this order: some wrap what earlier ones put there.
EXTENSIONS = (
    answers,
    tags,
    assume,
    keys,
    default_keys,
    key_calls,
    grants,
    rotation,
    replicas,
    attachments,
    volumes,
    clones,
    modifications,
    snapshots,
    locks,
    tiers,
    recycle_bin,
    fast_restore,
    public_access,
    direct,
    default_images,
    images,
    image_care,
    image_usage,
    instances,
    root_replacement,
    capacity,
    addresses,
    guests,
    commands,
    quotas,
    trail,
    simulation,
    target_groups,
    lag,
    reset,
)

MOTO_VERSION = "5.2.5"


def install() -> None:
    if moto.__version__ != MOTO_VERSION:
        raise SystemExit(
            f"the local AWS needs moto {MOTO_VERSION}, and this is {moto.__version__}: install local/requirements.txt"
        )
    for extension in EXTENSIONS:
        extension.install()
