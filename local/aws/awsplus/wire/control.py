"""The control endpoint, `/_local/…`, JSON in and out: what no AWS call can do. Modules add their own routes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from .gateway import ONE_AT_A_TIME, App, Start

PREFIX = "/_local/"

Handler = Callable[[dict[str, Any]], Any]

_ROUTES: dict[tuple[str, str], Handler] = {}


class ControlError(Exception):
    """A request to the control endpoint that makes no sense; its text says why."""


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """The handler gets the JSON body, or the query of a GET, and returns what is sent back as JSON."""

    def register(handler: Handler) -> Handler:
        _ROUTES[method, path] = handler
        return handler

    return register


def control(app: App) -> App:
    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return app(environ, start)
        handler = _ROUTES.get((environ["REQUEST_METHOD"], path[len(PREFIX) :]))
        if handler is None:
            known = ", ".join(sorted(f"{method} {PREFIX}{name}" for method, name in _ROUTES))
            return _send(start, "404 Not Found", {"error": f"no such control; there are {known}"})
        try:
            arguments = _arguments(environ)
            with ONE_AT_A_TIME:
                return _send(start, "200 OK", handler(arguments))
        except (ControlError, KeyError, TypeError, ValueError) as error:
            return _send(start, "400 Bad Request", {"error": f"{type(error).__name__}: {error}"})

    return answer


def _arguments(environ: dict[str, Any]) -> dict[str, Any]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if body:
        return json.loads(body)
    return dict(parse_qsl(environ.get("QUERY_STRING", "")))


def _send(start: Start, status: str, answer: Any) -> list[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
