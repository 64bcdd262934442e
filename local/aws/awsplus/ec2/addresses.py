"""Public IPv4 addresses: those that EC2 assigns are Amazon's, and change with a stop and start.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface


def install() -> None:
    association_of = NetworkInterface.association.fget

    def association(self: Any) -> dict[str, Any]:
        found = association_of(self)
        if found and not found.get("allocationId"):
            found["ipOwnerId"] = "amazon"
        return found

    NetworkInterface.association = property(association)
