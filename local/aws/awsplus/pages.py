"""Pages of what KMS lists: Limit, Marker, Truncated. https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError

# The most that any of these lists gives at once.
LARGEST_LIMIT = 1000


def page_of(response: Any, name: str, items: list[Any], default_limit: int) -> str:
    limit = response._get_param("Limit") or default_limit
    if not 1 <= limit <= LARGEST_LIMIT:
        raise JsonRESTError("ValidationException", f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and {LARGEST_LIMIT}")
    marker = response._get_param("Marker") or "0"
    if not marker.isdigit():
        raise JsonRESTError("InvalidMarkerException", "The marker is not valid")
    end = int(marker) + limit
    answer = {name: items[int(marker):end], "Truncated": end < len(items)}
    return json.dumps({**answer, "NextMarker": str(end)} if end < len(items) else answer)
