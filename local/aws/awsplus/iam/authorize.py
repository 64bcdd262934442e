"""Whether a role's or user's own policies allow a call, before anything else looks at it.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from moto.ec2.models import ec2_backends

from ..wire.calls import Call
from ..wire.errors import AwsError
from ..wire.gateway import App, Start
from .callers import current
from .identity import own_decision
from .policy import ALLOW, DENY, Principal, Request

# KMS is asked with the key's policy (key_calls), and AssumeRole with the role's (assume).
_ELSEWHERE = {"kms", "sts"}

_ID = re.compile(r"(vol|snap|i|ami)-[0-9a-f]+$")
_TYPES = {"vol": "volume", "snap": "snapshot", "i": "instance", "ami": "image"}
_WITHOUT_ACCOUNT = {"snapshot", "image"}

# The REST calls of EBS: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticblockstore.html
_EBS_ACTIONS = (
    (re.compile(r"GET /snapshots/[^/]+/changedblocks$"), "ListChangedBlocks"),
    (re.compile(r"GET /snapshots/[^/]+/blocks$"), "ListSnapshotBlocks"),
    (re.compile(r"GET /snapshots/[^/]+/blocks/[^/]+$"), "GetSnapshotBlock"),
)

# What a call makes needs permission too, as `type/*`.
_MAKES = {
    "CreateSnapshot": ("snapshot",),
    "CreateSnapshots": ("snapshot",),
    "CopySnapshot": ("snapshot",),
    "CreateVolume": ("volume",),
    "CopyVolumes": ("volume",),
    "CreateImage": ("image", "snapshot"),
    "CopyImage": ("image",),
    "RegisterImage": ("image",),
    "RunInstances": ("instance", "volume"),
}


def authorize(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway."""
    if call.service not in _ELSEWHERE:
        for request in _requests(call, current(call.account_id)):
            decision = own_decision(request)
            if decision != ALLOW:
                raise _refusal(call, request, decision)
    return onward(environ, start)


def _requests(call: Call, principal: Principal) -> Iterator[Request]:
    action, context = f"{call.service}:{_action_of(call)}", _context(call)
    if call.service == "elasticloadbalancing":
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
        about = "*" if call.action.startswith("Describe") else call.parameters.get("TargetGroupArn", "*")
        yield Request(action, principal, about, context)
        return
    named = (
        []
        if call.action.startswith("Describe")
        else sorted({v for v in call.parameters.values() if isinstance(v, str) and _ID.match(v)})
    )
    made = _MAKES.get(call.action, ()) if call.service == "ec2" else ()
    for resource_id in named:
        yield Request(
            action,
            principal,
            _arn(call, _TYPES[resource_id.split("-")[0]], resource_id),
            {**context, **_tags_of(call, resource_id)},
        )
    for made_type in made:
        yield Request(action, principal, _arn(call, made_type, "*"), context)
    for tagged_type in _types_tagged(call) if made else ():
        yield Request(
            "ec2:CreateTags", principal, _arn(call, tagged_type, "*"), {**context, "ec2:createaction": call.action}
        )
    if not named and not made:
        yield Request(action, principal, "*", context)


def _action_of(call: Call) -> str:
    rest = (name for pattern, name in _EBS_ACTIONS if pattern.match(call.action)) if call.service == "ebs" else iter(())
    return next(rest, call.action)


def _arn(call: Call, resource_type: str, resource_id: str) -> str:
    account_id = "" if resource_type in _WITHOUT_ACCOUNT else call.account_id
    return f"arn:aws:ec2:{call.region}:{account_id}:{resource_type}/{resource_id}"


def _context(call: Call) -> dict[str, str]:
    keys = [key for key in call.parameters if re.fullmatch(r"(TagSpecification\.\d+\.)?Tag\.\d+\.Key", key)]
    tags = {call.parameters[key]: call.parameters.get(f"{key.removesuffix('Key')}Value", "") for key in keys}
    return {
        "aws:requestedregion": call.region,
        **{f"aws:requesttag/{key.lower()}": value for key, value in tags.items()},
    }


def _tags_of(call: Call, resource_id: str) -> dict[str, str]:
    tags = ec2_backends[call.account_id][call.region].tags.get(resource_id, {})
    return {f"{prefix}:resourcetag/{key.lower()}": value for key, value in tags.items() for prefix in ("aws", "ec2")}


def _types_tagged(call: Call) -> set[str]:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html"""
    return {
        value for key, value in call.parameters.items() if re.fullmatch(r"TagSpecification\.\d+\.ResourceType", key)
    }


def _refusal(call: Call, request: Request, decision: str | None) -> AwsError:
    why = (
        "with an explicit deny in an identity-based policy"
        if decision == DENY
        else f"because no identity-based policy allows the {request.action} action"
    )
    words = (
        f"User: {request.principal.arn} is not authorized to perform: {request.action} on resource: "
        f"{request.resource} {why}"
    )
    if call.service != "ec2":
        return AwsError("AccessDenied" if not call.is_json else "AccessDeniedException", words, 403)
    details = {
        "allowed": False,
        "explicitDeny": decision == DENY,
        "context": {"action": request.action, "resource": request.resource},
    }
    encoded = base64.urlsafe_b64encode(json.dumps(details).encode()).decode()
    return AwsError(
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. {words}. Encoded authorization failure message: {encoded}",
        403,
    )
