"""Who uses an image: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/your-ec2-ami-usage.html"""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidAMIIdError
from moto.ec2.models import ec2_backends
from moto.ec2.responses.amis import AmisResponse

from ..wire.clock import CLOCK
from ..wire.errors import ec2_error
from ..wire.pages import paged
from ..wire.patch import extend

INSTANCES = "ec2:Instance"


def _reports(backend: Any) -> dict[str, dict[str, Any]]:
    return backend.__dict__.setdefault("image_usage_reports", {})


class _Responses(AmisResponse):
    def create_image_usage_report(self) -> ActionResult:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImageUsageReport.html"""
        self.error_on_dryrun()
        image_id = self._get_param("ImageId")
        if image_id not in self.ec2_backend.amis:
            raise InvalidAMIIdError([image_id])
        types = [each.get("ResourceType") for each in self._get_param("ResourceTypes", [])]
        unknown = [each for each in types if each != INSTANCES]
        if unknown or not types:
            raise ec2_error("InvalidParameterValue", f"The local AWS reports {INSTANCES} only")
        report_id = f"amiur-{uuid.uuid4().hex[:17]}"
        accounts = self._get_param("AccountIds", [])
        _reports(self.ec2_backend)[report_id] = {
            "ImageId": image_id,
            "ReportId": report_id,
            "State": "available",
            "CreationTime": CLOCK.utcnow(),
            "AccountIds": accounts,
            "ResourceTypes": [{"ResourceType": INSTANCES}],
            "used": _used(self.ec2_backend, image_id, accounts),
        }
        return ActionResult({"ReportId": report_id})

    def describe_image_usage_reports(self) -> ActionResult:
        page, token = paged(self._found(), self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult(
            {
                "ImageUsageReports": [{k: v for k, v in report.items() if k != "used"} for report in page],
                "NextToken": token,
            }
        )

    def describe_image_usage_report_entries(self) -> ActionResult:
        entries = [
            {
                "ResourceType": INSTANCES,
                "ReportId": report["ReportId"],
                "ImageId": report["ImageId"],
                "AccountId": account_id,
                "UsageCount": count,
                "ReportCreationTime": report["CreationTime"],
            }
            for report in self._found()
            for account_id, count in report["used"].items()
        ]
        page, token = paged(entries, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"ImageUsageReportEntries": page, "NextToken": token})

    def _found(self) -> list[dict[str, Any]]:
        ids, images = self._get_param("ReportIds", []), self._get_param("ImageIds", [])
        reports = _reports(self.ec2_backend).values()
        return [r for r in reports if (not ids or r["ReportId"] in ids) and (not images or r["ImageId"] in images)]


def _used(backend: Any, image_id: str, account_ids: list[str]) -> Counter[str]:
    accounts = [each for each in list(ec2_backends) if not account_ids or each in account_ids]
    found = (
        (account_id, i)
        for account_id in accounts
        for i in ec2_backends[account_id][backend.region_name].all_instances()
    )
    return Counter(
        account_id for account_id, instance in found if instance.image_id == image_id and instance.state != "terminated"
    )


def install() -> None:
    extend(AmisResponse, _Responses)
