"""Service Quotas of EBS: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html#limits_ebs

Those with a code here; concurrent copies are in `limits` and `clones`, and not listed.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.servicequotas.responses import ServiceQuotasResponse

from ..wire.control import ControlError, route
from ..wire.patch import extend

SERVICE, SERVICE_NAME = "ebs", "Amazon Elastic Block Store (Amazon EBS)"
GIB_PER_TIB = 1024
_QUOTAS_A_PAGE = 100

STORAGE = {
    "gp2": ("L-D18FCD1D", "General Purpose SSD (gp2)", 50),
    "gp3": ("L-7A658B76", "General Purpose SSD (gp3)", 50),
    "io1": ("L-FD252861", "Provisioned IOPS SSD (io1)", 50),
    "io2": ("L-09BD8365", "Provisioned IOPS SSD (io2)", 20),
    "st1": ("L-82ACEF56", "Throughput Optimized HDD (st1)", 50),
    "sc1": ("L-17AF77E8", "Cold HDD (sc1)", 50),
    "standard": ("L-9CF3C2EB", "Magnetic (standard)", 50),
}
IOPS = {"io1": ("L-B3A130E6", 300_000), "io2": ("L-8D977E7E", 100_000)}
SNAPSHOTS = "L-309BACF6"

# Code, name, default value, whether it can be raised.
_KNOWN = (
    *((code, f"Storage for {name} volumes, in TiB", value, True) for code, name, value in STORAGE.values()),
    *((code, f"IOPS for {STORAGE[kind][1]} volumes", value, True) for kind, (code, value) in IOPS.items()),
    (SNAPSHOTS, "Snapshots per Region", 100_000, True),
    ("L-E20676C1", "Archived snapshots per volume", 25, True),
    ("L-631ECBD3", "Fast snapshot restore", 5, True),
)

_applied: dict[tuple[str, str, str], float] = {}


def value_of(account_id: str, region: str, code: str) -> float:
    default = next(value for each, _, value, _ in _KNOWN if each == code)
    return _applied.get((account_id, region, code), default)


@route("POST", "quotas")
def apply(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"accountId", "region", "code", "value"}`: as after a request for an increase that was granted."""
    if asked["code"] not in [code for code, *_ in _KNOWN]:
        raise ControlError(f"there is no EBS quota {asked['code']}")
    _applied[asked["accountId"], asked["region"], asked["code"]] = float(asked["value"])
    return {"value": asked["value"]}


class _Quotas(ServiceQuotasResponse):
    def list_service_quotas(self) -> str:
        """Applied values: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html"""
        return self._listed(lambda code, _: value_of(self.current_account, self.region, code))

    def list_aws_default_service_quotas(self) -> str:
        """https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListAWSDefaultServiceQuotas.html"""
        if json.loads(self.body).get("ServiceCode") != SERVICE:
            return _list_defaults(self)
        return self._listed(lambda _, default: default)

    def _listed(self, value: Any) -> str:
        asked = json.loads(self.body)
        if asked.get("ServiceCode") != SERVICE:
            raise JsonRESTError(
                "NoSuchResourceException", "The request failed because the specified service does not exist."
            )
        shown = [
            _shown(self, code, name, value(code, default), adjustable) for code, name, default, adjustable in _KNOWN
        ]
        start, limit = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or _QUOTAS_A_PAGE)
        more = {"NextToken": str(start + limit)} if start + limit < len(shown) else {}
        return json.dumps({"Quotas": shown[start : start + limit], **more})


_list_defaults = ServiceQuotasResponse.list_aws_default_service_quotas


def _shown(response: Any, code: str, name: str, value: float, adjustable: bool) -> dict[str, Any]:
    return {
        "ServiceCode": SERVICE,
        "ServiceName": SERVICE_NAME,
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "QuotaArn": f"arn:aws:servicequotas:{response.region}:{response.current_account}:{SERVICE}/{code}",
        "Adjustable": adjustable,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def forget() -> None:
    _applied.clear()


def install() -> None:
    extend(ServiceQuotasResponse, _Quotas)
