"""Answers written as fast as a big account needs: where a member of an answer is found in an object is looked up once
for each class.

moto tries a dozen names for each member of each object that it tells, and most members have none of them. It also
lists its own folders to find out what a host means, and a class's methods to find an action, at every call: a fifth
of the time of a small one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from moto import backends
from moto.core import responses, serialize
from moto.core.serialize import AttributePicker, AttributePickerContext, ResponseSerializer

_names: dict[tuple[Any, ...], tuple[str, ...]] = {}

_find = serialize.get_value


def _possible_names(picker: Any, context: AttributePickerContext) -> tuple[str, ...]:
    """The same for all objects of a class at the same place of an answer."""
    shape, parent = context.shape, getattr(context.shape, "parent", None)
    place = (
        type(picker),
        *map(id, picker.alias_providers),
        type(context.obj),
        context.key,
        shape.name,
        shape.serialization.get("name"),
        getattr(parent, "name", None),
    )
    names = _names.get(place)
    if names is None:
        names = _names[place] = tuple(dict.fromkeys(picker.get_possible_keys(context)))
    return names


def _may_be_transformed(picker: Any, key: str) -> bool:
    """By moto's rules for single places of answers; they ask for the whole path."""
    ends = picker.__dict__.get("ends")
    if ends is None:
        ends = picker.ends = tuple({path.rsplit(".", 1)[-1] for path in picker.response_transformers})
    return key.endswith(ends)


def _get_value(original: Any) -> Any:
    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        picker = self._value_picker
        if not isinstance(picker, AttributePicker) or _may_be_transformed(picker, key):
            return original(self, value, key, shape)
        context = AttributePickerContext(obj=value, key=key, shape=shape)
        for name in _possible_names(picker, context):
            found = _find(value, name, serialize.MISSING)
            if found is not serialize.MISSING:
                return found
        return None

    return get_value


def install() -> None:
    ResponseSerializer.get_value = _get_value(ResponseSerializer.get_value)
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    responses.method_names_from_class = cache(responses.method_names_from_class)
