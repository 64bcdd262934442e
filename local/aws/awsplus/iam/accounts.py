"""Looking from one account into the others: what is shared is in their backends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ec2.models import ec2_backends


def backend_of(account_id: str, region: str) -> Any:
    return ec2_backends[account_id][region]


def others(backend: Any) -> Iterator[Any]:
    """The EC2 backends of the other accounts in the same region, as far as they were ever used."""
    for account_id in list(ec2_backends):
        account = ec2_backends[account_id]
        if account_id != backend.account_id and backend.region_name in account:
            yield account[backend.region_name]
