"""The `Condition` of a statement, by IAM's pages:

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from fnmatch import translate
from glob import escape
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any

Context = Mapping[str, "str | list[str]"]


def condition_holds(condition: Mapping[str, Any] | None, context: Context, version: str = "2012-10-17") -> bool:
    """Every operator for every key. Before version 2012-10-17 a variable is text."""
    variables = context if version == "2012-10-17" else None
    return all(
        _key_holds(operator, listed(context.get(key.lower())), [_text(each) for each in listed(wanted)], variables)
        for operator, keys in (condition or {}).items()
        for key, wanted in keys.items()
    )


def _key_holds(operator: str, values: list[str], wanted: list[str], variables: Context | None) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return any((not values) == (each == "true") for each in wanted)
    optional, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    negated, compare = name in _NEGATED, _OPERATORS.get(_NEGATED.get(name, name))
    if compare is None:
        return False

    def holds(value: str) -> bool:
        return any(_compares(compare, each, value, variables) for each in wanted) != negated

    if quantifier == "ForAllValues":
        return not any(values) or all(map(holds, values))
    if quantifier == "ForAnyValue":
        return any(values) and any(map(holds, values))
    return any(map(holds, values)) if values else optional or negated


Compare = Callable[[str, str, "Context | None"], bool]


def _compares(compare: Compare, wanted: str, value: str, variables: Context | None) -> bool:
    """What is no number, date or address matches nothing, and neither does a variable without a value."""
    try:
        return compare(wanted, value, variables)
    except (LookupError, ValueError, ArithmeticError):
        return False


_VARIABLE = re.compile(r"\$\{(?:([*?$])|\s*([^{}',]+?)\s*(?:,\s*'([^']*)'\s*)?)\}")


def _filled_in(text: str, variables: Context | None, quote: Callable[[str], str] = str) -> str:
    def value(found: re.Match[str]) -> str:
        special, name, default = found.groups()
        known = special or variables.get(name.lower(), default)
        if not isinstance(known, str):
            raise LookupError(name)
        return quote(known)

    return text if variables is None else _VARIABLE.sub(value, text)


def like(pattern: str, text: str, ignore_case: bool = False) -> bool:
    """`*` and `?`, as in policies; brackets are only brackets."""
    return _fits(pattern.replace("[", "[[]"), text, ignore_case)


def _fits(pattern: str, text: str, ignore_case: bool = False) -> bool:
    return re.fullmatch(translate(pattern), text, re.IGNORECASE if ignore_case else 0) is not None


def _pattern(text: str, variables: Context | None) -> str:
    return _filled_in(text.replace("[", "[[]"), variables, escape)


def _string_like(wanted: str, value: str, variables: Context | None) -> bool:
    return _fits(_pattern(wanted, variables), value)


def _arn_like(wanted: str, value: str, variables: Context | None) -> bool:
    """Each of the six parts by itself."""
    patterns, parts = _pattern(wanted, variables).split(":", 5), value.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(_fits, patterns, parts))


def _same(wanted: str, value: str, variables: Context | None) -> bool:
    return _filled_in(wanted, variables) == value


def _same_in_any_case(wanted: str, value: str, variables: Context | None) -> bool:
    return _filled_in(wanted, variables).lower() == value.lower()


def _time(text: str) -> float:
    if text.isdigit() and len(text) > 4:
        return float(text)
    whole = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text)
    time = datetime.fromisoformat(whole.replace("Z", "+00:00"))
    return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()


def _ordered(kind: str, read: Callable[[str], Any]) -> dict[str, Compare]:
    relations = {"Equals": eq, "LessThan": lt, "LessThanEquals": le, "GreaterThan": gt, "GreaterThanEquals": ge}
    return {
        f"{kind}{name}": lambda wanted, value, _, holds=holds: holds(read(value), read(wanted))
        for name, holds in relations.items()
    }


_OPERATORS: dict[str, Compare] = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": _same_in_any_case,
    "StringLike": _string_like,
    **_ordered("Numeric", Decimal),
    **_ordered("Date", _time),
    "Bool": _same_in_any_case,
    "BinaryEquals": lambda wanted, value, _: b64decode(wanted) == b64decode(value),
    "IpAddress": lambda wanted, value, _: ip_address(value) in ip_network(wanted, strict=False),
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
}

_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
