"""What other people do in the middle of a call: AWS calls like any, made by an administrator of the account."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from moto.sts.models import sts_backends

from ..iam.identity import MANAGEMENT_ACCOUNT, ORGANIZATION_ROLE
from .calls import Call
from .control import ControlError

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/making-api-requests.html
_VERSIONS = {"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}
_TARGETS = {"kms": "TrentService"}

_application: Callable[..., Iterable[bytes]] | None = None
_keys: dict[str, str] = {}


def answer_by(application: Callable[..., Iterable[bytes]]) -> None:
    global _application
    _application = application


def forget() -> None:
    _keys.clear()


def make(asked: list[dict[str, Any]], call: Call) -> None:
    """Before it returns, all of them have been answered. A refusal is the fault's author's mistake, and told."""
    for each in asked:
        parameters = {name: _resolved(value, call) for name, value in each.get("parameters", {}).items()}
        request = _request(
            each.get("service", "ec2"),
            each["action"],
            each.get("accountId", call.account_id),
            each.get("region", call.region),
            parameters,
        )
        statuses: list[str] = []
        body = b"".join(_application(request, lambda status, *_, said=statuses: said.append(status)))
        if not statuses or not statuses[-1].startswith("2"):
            raise ControlError(f"{each['action']} of a fault was refused: {body.decode(errors='replace')}")


def _resolved(value: Any, call: Call) -> Any:
    return call.parameters.get(value[1:], value) if isinstance(value, str) and value.startswith("$") else value


def _request(service: str, action: str, account_id: str, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if service in _TARGETS:
        body, extra = (
            json.dumps(parameters),
            {"HTTP_X_AMZ_TARGET": f"{_TARGETS[service]}.{action}", "CONTENT_TYPE": "application/x-amz-json-1.1"},
        )
    else:
        query = {"Action": action, "Version": _VERSIONS[service], **parameters}
        body, extra = urlencode(query), {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"}
    host = f"{service}.{region}.amazonaws.com"
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": host,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": host,
        "CONTENT_LENGTH": str(len(body.encode())),
        "wsgi.input": io.BytesIO(body.encode()),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "HTTP_AUTHORIZATION": (
            f"AWS4-HMAC-SHA256 Credential={_key_of(account_id)}/20260101/{region}/{service}/aws4_request, "
            "SignedHeaders=host, Signature=0"
        ),
        **extra,
    }


def _key_of(account_id: str) -> str:
    if account_id not in _keys:
        role = f"arn:aws:iam::{account_id}:role/{ORGANIZATION_ROLE}"
        session = sts_backends[MANAGEMENT_ACCOUNT]["aws"].assume_role("us-east-1", "somebody-else", role, "", 3600, "")
        _keys[account_id] = session.access_key_id
    return _keys[account_id]
