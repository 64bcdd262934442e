"""Rotation of key material, by its period and on demand, by the AWS clock.

https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms.responses import KmsResponse

from ..wire.clock import CLOCK
from ..wire.pages import page_of
from ..wire.patch import extend
from .replicas import is_replica

DAY = 86_400
DEFAULT_DAYS = 365
DAYS = (90, 2560)
ROTATIONS_A_PAGE = 100
# Of a key, for ever: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
MOST_ON_DEMAND = 25


class _Rotation(KmsResponse):
    def enable_key_rotation(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"""
        key = _rotatable(self)
        days = self._get_param("RotationPeriodInDays") or getattr(key, "rotation_days", DEFAULT_DAYS)
        if not DAYS[0] <= days <= DAYS[1]:
            raise JsonRESTError(
                "ValidationException",
                f"1 validation error detected: Value '{days}' at 'rotationPeriodInDays' failed to satisfy "
                f"constraint: Member must have value between {DAYS[0]} and {DAYS[1]}",
            )
        if not key.key_rotation_status or days != getattr(key, "rotation_days", None):
            key.rotation_days, key.rotated_at = days, CLOCK.now()
        key.key_rotation_status = True
        return json.dumps({})

    def get_key_rotation_status(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html"""
        self._validate_cmk_id(self._get_param("KeyId"))
        key = self.kms_backend.describe_key(self._get_param("KeyId"))
        status = {"KeyId": key.id, "KeyRotationEnabled": key.key_rotation_status}
        if key.key_rotation_status:
            _rotate_what_is_due(key)
            status |= {
                "RotationPeriodInDays": key.rotation_days,
                "NextRotationDate": key.rotated_at + key.rotation_days * DAY,
            }
        return json.dumps(status)

    def rotate_key_on_demand(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html"""
        key = _rotatable(self)
        if sum(rotation["RotationType"] == "ON_DEMAND" for rotation in key.rotations) >= MOST_ON_DEMAND:
            raise JsonRESTError(
                "LimitExceededException",
                f"You have reached the limit of {MOST_ON_DEMAND} on-demand rotations for {key.arn}",
            )
        key.rotations.append(_rotation(key, CLOCK.now(), "ON_DEMAND"))
        return json.dumps({"KeyId": key.id})

    def list_key_rotations(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html"""
        self._validate_cmk_id(self._get_param("KeyId"))
        key = self.kms_backend.describe_key(self._get_param("KeyId"))
        _rotate_what_is_due(key)
        return page_of(
            self, "Rotations", sorted(key.rotations, key=lambda rotation: rotation["RotationDate"]), ROTATIONS_A_PAGE
        )


def _rotatable(response: Any) -> Any:
    """https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-enable.html"""
    key_id = response._get_param("KeyId")
    response._validate_cmk_id(key_id)
    key = response.kms_backend.describe_key(key_id)
    if key.key_spec != "SYMMETRIC_DEFAULT" or is_replica(key):
        raise JsonRESTError(
            "UnsupportedOperationException", f"{key.arn} cannot be rotated: it is asymmetric or a replica"
        )
    return key


def _rotate_what_is_due(key: Any) -> None:
    while key.key_rotation_status and CLOCK.is_past(key.rotated_at + key.rotation_days * DAY):
        key.rotated_at += key.rotation_days * DAY
        key.rotations.append(_rotation(key, key.rotated_at, "AUTOMATIC"))


def _rotation(key: Any, at: float, kind: str) -> dict[str, Any]:
    return {"KeyId": key.id, "RotationDate": at, "RotationType": kind}


def install() -> None:
    extend(KmsResponse, _Rotation)
