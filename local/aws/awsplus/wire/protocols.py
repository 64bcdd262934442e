"""Which protocol a service speaks, by AWS's own models, so that a refusal is in the language of its client."""

from __future__ import annotations

from functools import cache

from botocore.exceptions import UnknownServiceError
from botocore.session import get_session
from moto.backends import list_of_moto_modules

JSON_PROTOCOLS = {"json", "rest-json", "smithy-rpc-v2-cbor"}

# Of services that moto knows under another name than they sign with, or answers with its own.
_ALIASES = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
    "email": "ses",
}


@cache
def speaks_json(service: str) -> bool:
    try:
        return get_session().get_service_model(_ALIASES.get(service, service)).metadata["protocol"] in JSON_PROTOCOLS
    except UnknownServiceError:
        return False


@cache
def is_known(service: str) -> bool:
    """Whether moto has it at all: what it has not would be answered as if it were for S3."""
    names = {name.replace("-", "").replace("_", "") for name in list_of_moto_modules()}
    return service.replace("-", "") in names or service in _ALIASES or f"aws{service}" in names
