"""The EBS direct APIs, from the blocks: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-accessing-snapshot.html"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.ebs.responses import EBSResponse
from moto.ec2.models import ec2_backends

from ..wire.clock import CLOCK
from ..wire.pages import paged
from ..wire.patch import extend
from .blocks import BLOCK_BYTES, Content, changed_blocks, content_of

# https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListSnapshotBlocks.html
BLOCKS_A_PAGE = 10_000
TOKEN_SECONDS = 7 * 86_400


class _Responses(EBSResponse):
    def list_snapshot_blocks(self) -> ActionResult:
        """https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListSnapshotBlocks.html"""
        snapshot = _readable(self, self._get_param("SnapshotId"))
        content = content_of(snapshot)
        blocks = [
            {"BlockIndex": index, "BlockToken": _token(snapshot, content, index)}
            for index in sorted(content)
            if index >= _start(self)
        ]
        return _page(self, "Blocks", blocks, snapshot)

    def list_changed_blocks(self) -> ActionResult:
        """https://docs.aws.amazon.com/ebs/latest/APIReference/API_ListChangedBlocks.html"""
        second = _readable(self, self._get_param("SecondSnapshotId"))
        first_id = self._get_param("FirstSnapshotId")
        first = _readable(self, first_id) if first_id else None
        if first is not None and _lineage(first) != _lineage(second):
            raise JsonRESTError("ValidationException", "The snapshots are not of the same volume lineage")
        before, after = content_of(first), content_of(second)
        blocks = []
        for index in sorted(i for i in changed_blocks(before, after) if i >= _start(self)):
            tokens = {"FirstBlockToken": _token(first, before, index), "SecondBlockToken": _token(second, after, index)}
            blocks.append({"BlockIndex": index, **{name: token for name, token in tokens.items() if token}})
        return _page(self, "ChangedBlocks", blocks, second)

    def get_snapshot_block(self) -> ActionResult:
        """https://docs.aws.amazon.com/ebs/latest/APIReference/API_GetSnapshotBlock.html"""
        snapshot, index = _readable(self, self._get_param("SnapshotId")), int(self._get_param("BlockIndex"))
        content = content_of(snapshot)
        if index not in content:
            raise JsonRESTError("ResourceNotFoundException", f"{snapshot.id} has no block {index}")
        if self._get_param("BlockToken") != _token(snapshot, content, index):
            raise JsonRESTError("ValidationException", "The block token is not valid")
        data = data_of(content[index])
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        return ActionResult(
            {"DataLength": len(data), "BlockData": data, "Checksum": checksum, "ChecksumAlgorithm": "SHA256"}
        )


def data_of(version: int) -> bytes:
    """Every version of a block is other bytes, and always the same ones."""
    seed = hashlib.sha256(str(version).encode()).digest()
    return seed * (BLOCK_BYTES // len(seed))


def _readable(response: Any, snapshot_id: str) -> Any:
    backend = ec2_backends[response.current_account][response.region]
    snapshot = backend.snapshots.get(snapshot_id)
    if snapshot is None:
        raise JsonRESTError("ResourceNotFoundException", f"The snapshot '{snapshot_id}' does not exist.")
    if snapshot.status != "completed" or snapshot.storage_tier != "standard":
        raise JsonRESTError("ValidationException", f"The snapshot '{snapshot_id}' is not completed, or is archived")
    return snapshot


def _lineage(snapshot: Any) -> str:
    return getattr(snapshot, "lineage", snapshot.volume_id)


def _start(response: Any) -> int:
    return int(response._get_param("StartingBlockIndex") or 0)


def _token(snapshot: Any, content: Content, index: int) -> str | None:
    if snapshot is None or index not in content:
        return None
    return base64.b64encode(hashlib.sha256(f"{snapshot.id}/{index}/{content[index]}".encode()).digest()).decode()


def _page(response: Any, name: str, blocks: list[dict[str, Any]], snapshot: Any) -> ActionResult:
    page, token = paged(blocks, response._get_param("MaxResults") or BLOCKS_A_PAGE, response._get_param("NextToken"))
    told = {
        name: page,
        "ExpiryTime": CLOCK.now() + TOKEN_SECONDS,
        "VolumeSize": snapshot.volume_size,
        "BlockSize": BLOCK_BYTES,
    }
    return ActionResult({**told, "NextToken": token} if token else told)


def install() -> None:
    extend(EBSResponse, _Responses)
