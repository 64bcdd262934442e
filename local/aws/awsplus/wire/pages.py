"""Pages, as EC2 and as KMS cut them."""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError

# The most that any of these lists gives at once.
LARGEST_LIMIT = 1000


def paged(items: list[Any], max_results: Any, token: Any) -> tuple[list[Any], str | None]:
    """A page and the token of the next: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Query-Requests.html#api-pagination"""
    if not max_results and not token:
        return items, None
    start = int(token or 0)
    end = start + int(max_results or len(items))
    return items[start:end], str(end) if end < len(items) else None


def page_of(response: Any, name: str, items: list[Any], default_limit: int) -> str:
    """Limit, Marker, Truncated: https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html"""
    limit = response._get_param("Limit") or default_limit
    if not 1 <= limit <= LARGEST_LIMIT:
        raise JsonRESTError(
            "ValidationException",
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member "
            f"must have value between 1 and {LARGEST_LIMIT}",
        )
    marker = response._get_param("Marker") or "0"
    if not marker.isdigit():
        raise JsonRESTError("InvalidMarkerException", "The marker is not valid")
    end = int(marker) + limit
    answer = {name: items[int(marker) : end], "Truncated": end < len(items)}
    return json.dumps({**answer, "NextMarker": str(end)} if end < len(items) else answer)
