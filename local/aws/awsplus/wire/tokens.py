"""Client tokens: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .errors import ec2_error

_ANSWERS: dict[tuple[str, str, str, str], tuple[str, Any]] = {}


def forget() -> None:
    _ANSWERS.clear()


def idempotent(
    action: str, respond: Callable[[Any], Any], is_gone: Callable[[Any], bool] = lambda _: False
) -> Callable[[Any], Any]:
    """The same token and parameters get the first answer again; other parameters are refused.

    So is the same token where what it made is gone: https://github.com/kubernetes-sigs/aws-ebs-csi-driver/issues/3010
    """

    def respond_once(self: Any) -> Any:
        token = self._get_param("ClientToken")
        if not token:
            return respond(self)
        key = (self.current_account, self.region, action, token)
        asked = json.dumps({k: v for k, v in dict(self.params).items() if k != "DryRun"}, sort_keys=True, default=str)
        if key in _ANSWERS:
            first_asked, answer = _ANSWERS[key]
            if first_asked != asked:
                raise ec2_error(
                    "IdempotentParameterMismatch", f"The client token {token} was used with other parameters"
                )
            if is_gone(answer):
                raise ec2_error(
                    "IdempotentParameterMismatch",
                    f"The client token {token} was used for a resource that is already deleted",
                )
            return answer
        answer = respond(self)
        _ANSWERS[key] = (asked, answer)
        return answer

    return respond_once
