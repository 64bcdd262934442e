"""CloudTrail's event history: who changed what, in EC2, EBS and KMS.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

from __future__ import annotations

import json
import uuid
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from ..wire import durations
from ..wire.calls import Call
from ..wire.clock import CLOCK, date_of
from ..wire.errors import AwsError
from ..wire.gateway import App, Start
from ..wire.patch import extend
from .callers import current
from .policy import Principal

# Reads are in AWS's history too; here they would drive everything else out of it.
_READS = ("Describe", "Get", "List", "Search", "Lookup")
_SOURCES = {"ec2": "ec2.amazonaws.com", "kms": "kms.amazonaws.com"}
# Parameters that name what a call is about, alone or as lists (`InstanceId.1`). What a call makes is in its answer, and
# not among its resources here.
_NAMES = (
    *("ResourceId", "InstanceId", "SnapshotId", "SourceSnapshotId", "VolumeId", "SourceVolumeId"),
    *("ImageId", "SourceImageId", "KeyId", "TargetKeyId"),
)
_BY_PREFIX = {
    "i": "AWS::EC2::Instance",
    "snap": "AWS::EC2::Snapshot",
    "vol": "AWS::EC2::Volume",
    "ami": "AWS::EC2::Ami",
}

# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
DAYS = 90
EVENTS_A_PAGE = 50
ATTRIBUTES = (
    "EventId",
    "EventName",
    "ReadOnly",
    "Username",
    "ResourceType",
    "ResourceName",
    "EventSource",
    "AccessKeyId",
)

# The local AWS lives long and forgets the oldest first.
MOST_EVENTS = 20_000

_events: dict[tuple[str, str], deque[dict[str, Any]]] = {}


def forget() -> None:
    _events.clear()


def record(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway. What AWS refuses is in the history too, with its errorCode."""
    if call.service not in _SOURCES or call.action.startswith(_READS):
        return onward(environ, start)
    statuses: list[str] = []

    def started(status: str, *rest: Any) -> Any:
        statuses.append(status)
        return start(status, *rest)

    try:
        answer = onward(environ, started)
    except AwsError as error:
        _remember(call, f"Client.{error.code}")
        raise
    _remember(call, None if statuses[:1] and statuses[0].startswith("2") else "Client.InvalidRequest")
    return answer


def _remember(call: Call, error_code: str | None) -> None:
    caller, now, event_id = current(call.account_id), CLOCK.now(), str(uuid.uuid4())
    resources = _resources(call)
    instance_ids = [each["ResourceName"] for each in resources if each["ResourceType"] == "AWS::EC2::Instance"]
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    contents = {
        "eventVersion": "1.10",
        "userIdentity": _identity(caller, call.access_key),
        "eventTime": date_of(now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": _SOURCES[call.service],
        "eventName": call.action,
        "awsRegion": call.region,
        "requestParameters": {"instancesSet": {"items": [{"instanceId": each} for each in instance_ids]}}
        if instance_ids
        else None,
        **({"errorCode": error_code} if error_code else {}),
        "eventID": event_id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account_id,
        "eventCategory": "Management",
    }
    event = {
        "EventId": event_id,
        "EventName": call.action,
        "ReadOnly": "false",
        "AccessKeyId": call.access_key,
        "EventTime": now,
        "EventSource": _SOURCES[call.service],
        "Username": _username(caller),
        "Resources": resources,
        "CloudTrailEvent": json.dumps(contents),
    }
    shown_at = CLOCK.after(durations.TRAIL_DELIVERY)
    _events.setdefault((call.account_id, call.region), deque(maxlen=MOST_EVENTS)).append(
        {"shown_at": shown_at, **event}
    )


def _resources(call: Call) -> list[dict[str, str]]:
    found: dict[str, str] = {}
    for key, value in sorted(call.parameters.items()):
        if key.split(".")[0] not in _NAMES or not isinstance(value, str) or value == "":
            continue
        kind = "AWS::KMS::Key" if call.service == "kms" else _BY_PREFIX.get(value.split("-")[0])
        if kind:
            found[value] = kind
    return [{"ResourceType": kind, "ResourceName": name} for name, kind in found.items()]


def _identity(caller: Principal, access_key: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    common = {"arn": caller.arn, "accountId": caller.account_id, "accessKeyId": access_key}
    if caller.is_root:
        return {"type": "Root", "principalId": caller.account_id, **common}
    if ":role/" not in caller.arns[0]:
        return {"type": "IAMUser", "principalId": access_key, **common, "userName": _username(caller)}
    role = caller.arns[0]
    issuer = {
        "type": "Role",
        "principalId": access_key,
        "arn": role,
        "accountId": caller.account_id,
        "userName": role.split("/")[-1],
    }
    return {
        "type": "AssumedRole",
        "principalId": f"{access_key}:{_username(caller)}",
        **common,
        "sessionContext": {"sessionIssuer": issuer},
    }


def _username(caller: Principal) -> str:
    return "root" if caller.is_root else caller.arn.split("/")[-1]


class _Responses(CloudTrailResponse):
    def lookup_events(self) -> str:
        """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html"""
        asked = self._get_param("LookupAttributes") or []
        if len(asked) > 1 or any(each.get("AttributeKey") not in ATTRIBUTES for each in asked):
            raise JsonRESTError(
                "InvalidLookupAttributesException", "Give one lookup attribute, with a key that is valid"
            )
        size = self._get_int_param("MaxResults", EVENTS_A_PAGE)
        if not 1 <= size <= EVENTS_A_PAGE:
            raise JsonRESTError("InvalidMaxResultsException", f"MaxResults is between 1 and {EVENTS_A_PAGE}")
        token = self._get_param("NextToken") or "0"
        if not token.isdigit():
            raise JsonRESTError("InvalidNextTokenException", "The token is not valid")
        found = [
            e
            for e in self._shown()
            if all(each["AttributeValue"] in _values(e, each["AttributeKey"]) for each in asked)
        ]
        end = int(token) + size
        page = [{k: v for k, v in each.items() if k != "shown_at"} for each in found[int(token) : end]]
        return json.dumps({"Events": page, **({"NextToken": str(end)} if end < len(found) else {})})

    def _shown(self) -> list[dict[str, Any]]:
        """The newest first."""
        since = max(self._get_float_param("StartTime", 0.0), CLOCK.now() - timedelta(days=DAYS).total_seconds())
        until = self._get_float_param("EndTime", CLOCK.now())
        if self._get_param("StartTime") and self._get_float_param("StartTime", 0.0) > until:
            raise JsonRESTError("InvalidTimeRangeException", "The start time is after the end time")
        events = reversed(list(_events.get((self.current_account, self.region), ())))
        return [e for e in events if since <= e["EventTime"] <= until and CLOCK.is_past(e["shown_at"])]


def _values(event: dict[str, Any], key: str) -> list[str]:
    if key in ("ResourceType", "ResourceName"):
        return [each[key] for each in event["Resources"]]
    return [event[key]]


def install() -> None:
    extend(CloudTrailResponse, _Responses)
