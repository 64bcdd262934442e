"""Block device mappings of an image, a launch template and a request, joined by the devices' names.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
"""

from __future__ import annotations

from typing import Any

from ..wire.errors import ec2_error

_EBS_FIELDS = (
    "SnapshotId",
    "VolumeSize",
    "DeleteOnTermination",
    "VolumeType",
    "Iops",
    "Throughput",
    "Encrypted",
    "KmsKeyId",
)


def parsed(mappings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As they were asked for; `Ebs` is None where the device is to have no EBS volume. EC2's words about a missing
    `Ebs`, as they are told in
    https://github.com/getmoto/moto/pull/2949 and https://github.com/hashicorp/packer/issues/3799. A device with
    `NoDevice` is left out "regardless of
    the assigned value" (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_BlockDeviceMapping.html); until
    2022 EC2 has been seen to refuse
    values (InvalidRequest: https://github.com/getmoto/moto/pull/4853)."""
    found = []
    for mapping in mappings:
        if not mapping.keys() & {"Ebs", "NoDevice", "VirtualName"}:
            raise ec2_error("MissingParameter", "The request must contain the parameter ebs")
        ebs = mapping.get("Ebs") if "NoDevice" not in mapping else None
        found.append(
            {
                "DeviceName": mapping.get("DeviceName"),
                "Ebs": None if ebs is None else {field: ebs.get(field) for field in _EBS_FIELDS},
            }
        )
    return found


def joined(image: Any, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The image's devices, changed or joined by those of the request. Instance store volumes there are none here."""
    devices = {d["DeviceName"]: dict(d["Ebs"]) for d in image.block_device_mappings if d.get("Ebs")}
    for device in wanted:
        name = device["DeviceName"]
        if device["Ebs"] is None:
            devices.pop(name, None)
        else:
            devices[name] = {
                **devices.get(name, {}),
                **{field: value for field, value in device["Ebs"].items() if value is not None},
            }
    for ebs in devices.values():
        if not ebs.get("VolumeSize") and not ebs.get("SnapshotId"):
            # In RunInstances' own words: https://github.com/getmoto/moto/pull/2949
            raise ec2_error("MissingParameter", "The request must contain the parameter size or snapshotId")
    return [{"DeviceName": name, "Ebs": ebs} for name, ebs in devices.items()]
