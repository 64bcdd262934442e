"""AWS's document for snapshots of Windows instances: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-vss-snapshots-ssm.html

It takes every volume of the instance, or all but the boot volume. Here it takes them as the command is sent.
"""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends

DOCUMENTS = ("AWSEC2-VssInstallAndSnapshot", "AWSEC2-CreateVssSnapshot")
PARAMETERS = {
    "AmiName",
    "description",
    "CollectDiagnosticLogs",
    "CopyOnly",
    "CreateAmi",
    "executionTimeout",
    "ExcludeBootVolume",
    "NoWriters",
    "SaveVssMetadata",
    "tags",
    "VssVersion",
}
RESERVED = {"Device", "AppConsistent", "AwsVssConfig"}
_TAG = re.compile(r"Key=([\w() ./\\\-\"'@+:={}]+),Value=([\w() ./\\\-\"'@+:={}]*)$")


class VssFailed(Exception):
    """What the command says on stderr."""


def take(account_id: str, region: str, instance: Any, parameters: dict[str, list[str]], fails: str | None) -> None:
    """Raises VssFailed; what it had taken by then stays, without the tag AppConsistent."""
    values = {name: values[0] if values else "" for name, values in parameters.items()}
    backend = ec2_backends[account_id][region]
    tags = _tags(values.get("tags", ""))
    excludes_boot = values.get("ExcludeBootVolume", "False") == "True"
    try:
        taken = backend.create_snapshots(
            {"InstanceId": instance.id, "ExcludeBootVolume": excludes_boot}, values.get("description", ""), tags
        )
    except EC2ClientError as error:
        raise VssFailed(str(error.description)) from error
    for snapshot in taken:
        snapshot.add_tags({"Device": _device_of(instance, snapshot), "AwsVssConfig": "version=2.5.0"})
        if not fails:
            snapshot.was_frozen = True
            snapshot.add_tags({"AppConsistent": "True"})
    if fails:
        raise VssFailed(fails)


def _tags(text: str) -> dict[str, str]:
    tags = {"Name": ""}
    for part in filter(None, text.split(";")):
        found = _TAG.match(part)
        if not found or found.group(1) in RESERVED:
            raise VssFailed(f"the tag {part} is not allowed")
        tags[found.group(1)] = found.group(2)
    return tags


def _device_of(instance: Any, snapshot: Any) -> str:
    return next(
        (device for device, block in instance.block_device_mapping.items() if block.volume_id == snapshot.volume_id), ""
    )
