"""A resource's tags, looked up by its id. moto searches all tags of the account for each resource that it shows."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from moto.ec2 import utils
from moto.ec2.models import ec2_backends
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.tags import TagBackend
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from ..wire.control import route
from ..wire.errors import ec2_error
from ..wire.lag import tags_seen

# Those of AWS itself aside: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
MOST_TAGS = 50
TOO_MANY_TAGS = "The maximum number of Tags for a resource has been reached."

_get_filter_value = TaggedEC2Resource.get_filter_value
_is_filter_matching = utils.is_filter_matching


def _get_tags(self: Any) -> list[dict[str, str]]:
    if not self.id:
        return []
    common = {"resource_id": self.id, "resource_type": EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "")}
    return [{**common, "key": key, "value": value} for key, value in list(_tags_of(self).items())]


def _tags_of(resource: Any) -> dict[str, str]:
    backend = resource.ec2_backend
    return tags_seen(backend, resource.id, backend.tags.get(resource.id, {}))


def _add_tags(self: Any, tag_map: dict[str, str]) -> None:
    if tag_map:
        self.ec2_backend.create_tags([self.id], tag_map)


def _filter_value(self: Any, filter_name: str, method_name: str | None = None) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html"""
    if filter_name.startswith("tag:"):
        return _tags_of(self).get(filter_name[len("tag:") :])
    if filter_name == "tag-key":
        return list(_tags_of(self))
    if filter_name == "tag-value":
        return list(_tags_of(self).values())
    return _get_filter_value(self, filter_name, method_name)


WILD = re.compile(r"[*?\\]")


@lru_cache(maxsize=4096)
def _pattern(wanted: str) -> re.Pattern[str]:
    """`*` is any characters, `?` one, and a backslash takes the next one as it is:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#advanced-filters"""
    parts = re.findall(r"\\?.", wanted, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)


@lru_cache(maxsize=256)
def _sorted_out(wanted: tuple[str, ...]) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Once for a filter rather than for each resource: the values that are to be met as they stand, and the
    patterns."""
    wild = [one for one in wanted if WILD.search(one)]
    return frozenset(wanted).difference(wild), tuple(_pattern(one) for one in wild)


class Wanted(list[str]):
    """A filter's values, sorted out."""

    def __init__(self, values: list[str]) -> None:
        super().__init__(values)
        self.plain, self.patterns = _sorted_out(tuple(values))


def _is_wanted(value: str, wanted: list[str]) -> bool:
    plain, patterns = (wanted.plain, wanted.patterns) if isinstance(wanted, Wanted) else _sorted_out(tuple(wanted))
    return value in plain or any(pattern.fullmatch(value) for pattern in patterns)


def _matches(resource: Any, filter_name: str, wanted: Any) -> bool:
    """One value of several is enough; moto wants all of them, and knows no backslash."""
    value = resource.get_filter_value(filter_name)
    if isinstance(value, str) and isinstance(wanted, list):
        return _is_wanted(value, wanted)
    if filter_name not in ("tag-key", "tag-value"):
        return _is_filter_matching(resource, filter_name, wanted)
    return any(_is_wanted(each, wanted) for each in value)


def _tag_matches(resource: Any, filter_name: str, wanted: list[str]) -> bool:
    value = _filter_value(resource, filter_name)
    values = value if isinstance(value, list) else [value]
    return any(_is_wanted(each, wanted) for each in values if each is not None)


def _create_tags(self: Any, resource_ids: list[str], tags: dict[str, str]) -> bool:
    """All resources get all tags, or none gets any. moto counts the tags of AWS itself, too."""
    if None in tags.values():
        raise ec2_error("InvalidParameterValue", "Tag value cannot be null. Use empty string instead.")
    for resource_id in resource_ids:
        keys = {key for key in (*self.tags.get(resource_id, {}), *tags) if not key.startswith("aws:")}
        if len(keys) > MOST_TAGS:
            raise ec2_error("TagLimitExceeded", TOO_MANY_TAGS)
    for resource_id in resource_ids:
        self.tags[resource_id].update(tags)
    return True


def asked_tags(responses: Any, *makes: str) -> dict[str, dict[str, str]]:
    """The tags of what a call makes, by type. Asked before anything is made: a refused call leaves nothing. EC2's
    words, from
    https://github.com/boto/boto3/issues/1806"""
    tags = responses._parse_tag_specification()
    for kind in tags:
        if kind not in makes:
            raise ec2_error(
                "InvalidParameterValue", f"'{kind}' is not a valid taggable resource type for this operation."
            )
    return tags


def _filters(original: Any) -> Any:
    def filters(self: Any) -> Any:
        return {
            name: Wanted(values)
            if isinstance(values, list) and all(isinstance(each, str) for each in values)
            else values
            for name, values in original(self).items()
        }

    return filters


@route("POST", "service-tags")
def tag_as_a_service(asked: dict[str, Any]) -> dict[str, Any]:
    """`{"accountId", "region", "resourceId", "tags": {"aws:backup:source-resource": "…"}}`: tags that only AWS itself
    writes."""
    ec2_backends[asked["accountId"]][asked["region"]].create_tags([asked["resourceId"]], asked["tags"])
    return {}


def install() -> None:
    TaggedEC2Resource.get_tags = _get_tags
    TaggedEC2Resource.add_tags = _add_tags
    TaggedEC2Resource.get_filter_value = _filter_value
    utils.is_filter_matching = _matches
    utils.tag_filter_matches = _tag_matches
    TagBackend.create_tags = _create_tags
    EC2BaseResponse._filters_from_querystring = _filters(EC2BaseResponse._filters_from_querystring)
