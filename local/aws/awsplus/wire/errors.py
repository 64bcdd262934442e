"""AWS errors by code, and AWS's error format for what moto answers as an HTML page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from moto.ec2.exceptions import EC2ClientError

from .calls import CREDENTIAL, Call
from .protocols import is_known, speaks_json

# https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
UNKNOWN_OPERATION = "UnknownOperationException"


def ec2_error(code: str, message: str) -> EC2ClientError:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
    return EC2ClientError(code, message)


class AwsError(Exception):
    """An answer to a call that moto never sees."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def error_answer(call: Call, error: AwsError, start_response: Callable[..., Any]) -> list[bytes]:
    if call.service == "elasticloadbalancing":
        return _query_answer(start_response, error)
    return _answer(
        call.is_json or speaks_json(call.service), start_response, f"{error.status} Refused", error.code, str(error)
    )


def _query_answer(start_response: Callable[..., Any], error: AwsError) -> list[bytes]:
    """The query protocol, as all but EC2 speak it: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization"""
    told = f"<Error><Type>Sender</Type><Code>{error.code}</Code><Message>{escape(str(error))}</Message></Error>"
    body = (
        '<?xml version="1.0" '
        f'encoding="UTF-8"?><ErrorResponse>{told}<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>'
    )
    start_response(f"{error.status} Refused", [("Content-Type", "text/xml")])
    return [body.encode()]


class AwsErrorFormat:
    """WSGI wrapper: an action that nobody wrote answers InvalidAction, a crash InternalError, as the SDKs expect."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        service = _service_of(environ)
        is_json = bool(environ.get("HTTP_X_AMZ_TARGET")) or bool(service and speaks_json(service))
        if is_json and service and not is_known(service):
            return _answer(True, start_response, "404 Not Found", UNKNOWN_OPERATION, f"the local AWS has no {service}")
        try:
            return (
                self._json_instead_of_pages(environ, start_response) if is_json else self._app(environ, start_response)
            )
        except NotImplementedError as error:
            return _answer(is_json, start_response, "400 Bad Request", "InvalidAction", str(error))
        except AwsError:
            raise
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            return _answer(is_json, start_response, "500 Internal Server Error", "InternalError", message)

    def _json_instead_of_pages(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """A path that moto has no route for is Flask's page."""
        began: list[Any] = []
        body = list(self._app(environ, lambda status, headers, *rest: began.append((status, headers))))
        status, headers = began[-1]
        if status.startswith("404") and any(
            name.lower() == "content-type" and value.startswith("text/html") for name, value in headers
        ):
            return _answer(
                True,
                start_response,
                status,
                UNKNOWN_OPERATION,
                f"the local AWS knows no {environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}",
            )
        start_response(status, headers)
        return body


def _service_of(environ: dict[str, Any]) -> str | None:
    credential = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return credential[3] if credential else None


def _answer(is_json: bool, start_response: Callable[..., Any], status: str, code: str, message: str) -> list[bytes]:
    if is_json:
        body = json.dumps({"__type": code, "message": message})
        content_type = "application/x-amz-json-1.1"
    else:
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error>'
            f"<Code>{code}</Code><Message>{escape(message)}</Message>"
            "</Error></Errors><RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"
        )
        content_type = "text/xml"
    start_response(status, [("Content-Type", content_type), *([("X-Amzn-Errortype", code)] if is_json else [])])
    return [body.encode()]
