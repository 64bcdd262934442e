"""How much one EC2 call takes: filters and their values, and tags."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ..ec2.tags import MOST_TAGS, TOO_MANY_TAGS
from .calls import Call
from .errors import AwsError
from .gateway import App, Start

# "You can use up to 50 filters and up to 200 values per filter in a single request"; what counts is the sum over the
# call, as
# EC2 itself says when it refuses: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
FILTERS = 50
FILTER_VALUES = 200

_FILTER = re.compile(r"Filter\.\d+\.Name$")
_FILTER_VALUE = re.compile(r"Filter\.\d+\.Value\.\d+$")
_TAG_KEY = re.compile(r"(TagSpecification\.\d+\.)?Tag\.\d+\.Key$")


def require_sizes(call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
    """A hook of the Gateway. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html:
    FilterLimitExceeded,
    TagLimitExceeded."""
    if call.service == "ec2":
        _require_few_filters(call)
        if call.action != "DeleteTags":
            _require_tags(call)
    return onward(environ, start)


def _require_few_filters(call: Call) -> None:
    for pattern, most, what in ((_FILTER_VALUE, FILTER_VALUES, "filter values"), (_FILTER, FILTERS, "filters")):
        if sum(bool(pattern.match(name)) for name in call.parameters) > most:
            raise AwsError("FilterLimitExceeded", f"The maximum number of {what} specified on a single call is {most}")


def _require_tags(call: Call) -> None:
    """What would be made with too many tags is not made: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions"""
    counts: dict[str, int] = defaultdict(int)
    for name, key in call.parameters.items():
        match = _TAG_KEY.match(name)
        if not match:
            continue
        if str(key).startswith("aws:"):
            raise AwsError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
        counts[match[1] or ""] += 1
    if any(count > MOST_TAGS for count in counts.values()):
        raise AwsError("TagLimitExceeded", TOO_MANY_TAGS)
