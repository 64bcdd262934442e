"""Deprecation, disabling and deregistration protection of images, and who may launch them.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deregistration-protection.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/disable-an-ami.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidAMIIdError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses.amis import AmisResponse

from ..wire.clock import CLOCK, date_of
from ..wire.errors import ec2_error
from ..wire.patch import extend
from .public_access import image_state, require_public

COOLDOWN_SECONDS = 24 * 3600.0


def _own(response: Any) -> Any:
    response.error_on_dryrun()
    image = response.ec2_backend.amis.get(response._get_param("ImageId"))
    if image is None:
        raise InvalidAMIIdError([response._get_param("ImageId")])
    return image


class _Responses(AmisResponse):
    def enable_image_deprecation(self) -> ActionResult:
        image, at = _own(self), self._get_param("DeprecateAt")
        if at.timestamp() < CLOCK.now():
            raise ec2_error("InvalidParameterValue", "DeprecateAt must be in the future")
        image.deprecated_at = at.timestamp()
        return ActionResult({"Return": True})

    def disable_image_deprecation(self) -> ActionResult:
        _own(self).deprecated_at = None
        return ActionResult({"Return": True})

    def disable_image(self) -> ActionResult:
        image = _own(self)
        if image.state != "available":
            raise ec2_error("InvalidAMIID.Unavailable", f"The image {image.id} is {image.state}")
        # Enabling it again does not give these back.
        image.state, image.launch_permissions = "disabled", []
        return ActionResult({"Return": "true"})

    def enable_image(self) -> ActionResult:
        image = _own(self)
        if image.state == "disabled":
            image.state = "available"
        return ActionResult({"Return": "true"})

    def enable_image_deregistration_protection(self) -> ActionResult:
        image = _own(self)
        image.protection = (
            "enabled-with-cooldown" if self._get_bool_param("WithCooldown", False) else "enabled-without-cooldown"
        )
        return ActionResult({"Return": "true"})

    def disable_image_deregistration_protection(self) -> ActionResult:
        image = _own(self)
        with_cooldown = getattr(image, "protection", "") == "enabled-with-cooldown"
        image.protection, image.protected_until = "disabled", CLOCK.now() + (COOLDOWN_SECONDS if with_cooldown else 0)
        return ActionResult({"Return": "true"})


def is_protected(image: Any) -> bool:
    return getattr(image, "protection", "disabled") != "disabled" or not CLOCK.is_past(
        getattr(image, "protected_until", 0)
    )


def is_deprecated(image: Any) -> bool:
    at = getattr(image, "deprecated_at", None)
    return at is not None and CLOCK.is_past(at)


def _deprecation_time(image: Any) -> str | None:
    at = getattr(image, "deprecated_at", None)
    return date_of(at).strftime("%Y-%m-%dT%H:%M:00.000Z") if at else None


def _deregister(original: Any) -> Any:
    def deregister(self: Any, ami_id: str) -> Any:
        image = self.amis.get(ami_id)
        if image and is_protected(image):
            raise ec2_error("OperationNotPermitted", f"The image {ami_id} is protected against deregistration")
        return original(self, ami_id)

    return deregister


def _modify(original: Any) -> Any:
    def modify(
        self: Any,
        ami_id: str,
        launch_permissions_to_add: list[dict[str, str]],
        launch_permissions_to_remove: list[dict[str, str]],
    ) -> Any:
        if ami_id not in self.amis:
            raise InvalidAMIIdError([ami_id])
        if {"Group": "all"} in launch_permissions_to_add:
            require_public(image_state(self), "AMI")
            _require_plain(self.amis[ami_id])
        return original(self, ami_id, launch_permissions_to_add, launch_permissions_to_remove)

    return modify


def _require_plain(image: Any) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-intro.html"""
    if any(device.get("Ebs", {}).get("Encrypted") for device in image.block_device_mappings):
        raise ec2_error("OperationNotPermitted", "Images with encrypted snapshots cannot be made public")


def install() -> None:
    extend(AmisResponse, _Responses)
    AmiBackend.deregister_image = _deregister(AmiBackend.deregister_image)
    AmiBackend.modify_image_attribute = _modify(AmiBackend.modify_image_attribute)
    Ami.deprecation_time = property(_deprecation_time)
    Ami.deregistration_protection = property(lambda self: getattr(self, "protection", "disabled"))
