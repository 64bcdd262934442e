"""What happens to a call before and after moto answers it: checks, limits, faults and counts hook in here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from .calls import Call, read_call
from .errors import AwsError, error_answer

Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]

# Calls and the control endpoint change and tell the same world.
ONE_AT_A_TIME = threading.RLock()


class Hook(Protocol):
    def __call__(self, call: Call, environ: dict[str, Any], start: Start, onward: App) -> Iterable[bytes]:
        """Answers the call, by `onward` or otherwise. Raises AwsError to refuse it."""


class Gateway:
    """Hooks are asked in the order in which they were added, the first outermost."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._hooks: list[Hook] = []

    def add(self, hook: Hook) -> None:
        self._hooks.append(hook)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        call = read_call(environ)
        if call is None:
            return self._app(environ, start)
        try:
            return self._through(0, call, environ, start)
        except AwsError as error:
            return error_answer(call, error, start)

    def _through(self, index: int, call: Call, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if index == len(self._hooks):
            return self._app(environ, start)
        onward = lambda next_environ, next_start: self._through(index + 1, call, next_environ, next_start)  # noqa: E731
        return self._hooks[index](call, environ, start, onward)
