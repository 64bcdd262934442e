"""What blocks snapshots and images from being public, per account and region.

https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-public-access-to-amis.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from ..wire.errors import ec2_error
from ..wire.patch import extend

UNBLOCKED = "unblocked"


def image_state(backend: Any) -> str:
    """Blocked unless the account chose otherwise, as for every account since October 2023."""
    return getattr(backend, "image_public_access", "block-new-sharing")


def snapshot_state(backend: Any) -> str:
    return getattr(backend, "snapshot_public_access", UNBLOCKED)


def require_public(state: str, what: str) -> None:
    if state != UNBLOCKED:
        raise ec2_error(
            "OperationNotPermitted",
            f"You can't publicly share this {what} because block public access is enabled for this account",
        )


class _Snapshots(ElasticBlockStore):
    def enable_snapshot_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        state = self._get_param("State")
        if state not in ("block-all-sharing", "block-new-sharing"):
            raise ec2_error(
                "InvalidParameterValue",
                f"Value ({state}) for parameter State is invalid. Use block-all-sharing or block-new-sharing",
            )
        self.ec2_backend.snapshot_public_access = state
        return ActionResult({"State": state})

    def disable_snapshot_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.snapshot_public_access = UNBLOCKED
        return ActionResult({"State": UNBLOCKED})

    def get_snapshot_block_public_access_state(self) -> ActionResult:
        return ActionResult({"State": snapshot_state(self.ec2_backend), "ManagedBy": "account"})


class _Images(AmisResponse):
    def enable_image_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.image_public_access = "block-new-sharing"
        return ActionResult({"ImageBlockPublicAccessState": "block-new-sharing"})

    def disable_image_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.image_public_access = UNBLOCKED
        return ActionResult({"ImageBlockPublicAccessState": UNBLOCKED})

    def get_image_block_public_access_state(self) -> ActionResult:
        return ActionResult({"ImageBlockPublicAccessState": image_state(self.ec2_backend), "ManagedBy": "account"})


def install() -> None:
    extend(ElasticBlockStore, _Snapshots)
    extend(AmisResponse, _Images)
