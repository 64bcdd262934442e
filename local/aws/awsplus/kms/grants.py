"""Grants: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms import kms_backends
from moto.kms.models import Grant, KmsBackend
from moto.kms.responses import KmsResponse

from ..iam.callers import current
from ..wire.clock import CLOCK
from ..wire.pages import page_of
from ..wire.patch import extend

# https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html: Limit defaults to 50
GRANTS_A_PAGE = 50

# https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html: Operations
OPERATIONS = {
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "GetPublicKey",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
}


def _shown(grant: Any) -> dict[str, Any]:
    told = {**_to_json(grant), "CreationDate": grant.created_at, "IssuingAccount": grant.issuer}
    return {name: value for name, value in told.items() if value}


_to_json = Grant.to_json


class _Grants(KmsResponse):
    def create_grant(self) -> str:
        """The same name with the same parameters is the same grant, with another token:
        https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html"""
        self._validate_cmk_id(self._get_param("KeyId"))
        operations = self._get_param("Operations") or []
        unknown = [operation for operation in operations if operation not in OPERATIONS]
        if unknown or not operations:
            raise JsonRESTError(
                "ValidationException",
                f"1 validation error detected: Value '{operations}' at 'operations' failed to satisfy "
                f"constraint: Member must satisfy enum value set: {sorted(OPERATIONS)}",
            )
        key = self.kms_backend.describe_key(self._get_param("KeyId"))
        asked = {
            "name": self._get_param("Name"),
            "grantee_principal": self._get_param("GranteePrincipal"),
            "operations": operations,
            "constraints": self._get_param("Constraints"),
            "retiring_principal": self._get_param("RetiringPrincipal"),
        }
        grant = _same(key, asked) or key.add_grant(**asked)
        if not hasattr(grant, "created_at"):
            grant.created_at, grant.issuer = CLOCK.now(), current(self.current_account).arn
        return json.dumps({"GrantId": grant.id, "GrantToken": grant.token})

    def list_grants(self) -> str:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html"""
        self._validate_cmk_id(self._get_param("KeyId"))
        grantee, grant_id = self._get_param("GranteePrincipal"), self._get_param("GrantId")
        key = self.kms_backend.describe_key(self._get_param("KeyId"))
        found = [
            g
            for g in list(key.grants.values())
            if (not grantee or g.grantee_principal == grantee) and (not grant_id or g.id == grant_id)
        ]
        for grant in found:
            grant.key_id = key.arn
        return page_of(self, "Grants", [_shown(grant) for grant in found], GRANTS_A_PAGE)

    def list_retirable_grants(self) -> str:
        """Also those on other accounts' keys: https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html"""
        by = self._get_param("RetiringPrincipal")
        found = [g for key in _keys(self.region) for g in list(key.grants.values()) if g.retiring_principal == by]
        return page_of(self, "Grants", [_shown(grant) for grant in found], GRANTS_A_PAGE)

    def retire_grant(self) -> str:
        """By its token, or by key and grant id: https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html"""
        token, grant_id = self._get_param("GrantToken"), self._get_param("GrantId")
        for key in _keys(self.region):
            for grant in list(key.grants.values()):
                if grant.token == token if token else grant.id == grant_id:
                    del key.grants[grant.id]
                    return "{}"
        if token:
            raise JsonRESTError("InvalidGrantTokenException", "The grant token is not valid")
        raise JsonRESTError("NotFoundException", f"Grant ID {grant_id} not found")


def _same(key: Any, asked: dict[str, Any]) -> Any:
    def of(values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "operations": sorted(values["operations"])}

    return next(
        (g for g in list(key.grants.values()) if asked["name"] and of({f: getattr(g, f) for f in asked}) == of(asked)),
        None,
    )


def _keys(region: str) -> list[Any]:
    backends = [kms_backends[account_id][region] for account_id in list(kms_backends)]
    return [key for backend in backends for key in list(backend.keys.values())]


def install() -> None:
    extend(KmsResponse, _Grants)
    revoke = KmsBackend.revoke_grant
    KmsBackend.revoke_grant = lambda self, key_id, grant_id: revoke(self, self.get_key_id(key_id), grant_id)
