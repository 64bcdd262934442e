"""One AWS call as it arrives: which action, of whom, where, with which parameters."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from moto.iam.models import get_account_id_from

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass
class Call:
    service: str
    """As in ARNs: `ec2`, `kms`, `sts`."""
    action: str
    account_id: str
    region: str
    access_key: str
    parameters: dict[str, Any] = field(default_factory=dict)
    """Query protocol: flat, `Filter.1.Name`; JSON protocol: as sent."""
    is_json: bool = False


def read_call(environ: dict[str, Any]) -> Call | None:
    """None where it is no AWS call that is signed for a service; the body can be read again afterwards."""
    credential = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if not credential:
        return None
    access_key, region, service = credential.groups()
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        action, parameters = target.split(".", 1)[1], _json(body)
    elif b"Action=" in body:
        parameters = dict(parse_qsl(body.decode(), keep_blank_values=True))
        action = parameters.pop("Action", "")
    else:
        action, parameters = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}", {}
    return Call(service, action, get_account_id_from(access_key), region, access_key, parameters, bool(target))


def _json(body: bytes) -> dict[str, Any]:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}
