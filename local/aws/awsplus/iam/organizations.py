"""Who is in which organization and unit: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/share-amis-with-organizations-and-OUs.html"""

from __future__ import annotations

from typing import Any

from moto.organizations.models import organizations_backends

from .callers import PARTITION


def is_within(account_id: str, arn: str) -> bool:
    """Whether the account is in the organization or, at any depth, in the organizational unit of this ARN."""
    owner = arn.split(":")[4] if arn.count(":") >= 5 else ""
    backend = organizations_backends[owner][PARTITION] if owner else None
    account = (
        next((each for each in backend.accounts if each.id == account_id), None) if backend and backend.org else None
    )
    if account is None:
        return False
    return backend.org.arn == arn or arn in _units_above(backend, account.parent_id)


def _units_above(backend: Any, unit_id: str | None) -> list[str]:
    unit = next((each for each in backend.ou if each.id == unit_id), None)
    return [unit.arn, *_units_above(backend, getattr(unit, "parent_id", None))] if unit else []
