"""`GET calls`: what was asked of each service, by whom, how often. `DELETE calls` starts anew.

`POST calls` counts a call that a server beside the cloud answered, such as a Kubernetes API.
"""

from typing import Any

import calls


def _rows(_: dict[str, Any]) -> list[dict[str, Any]]:
    return calls.rows()


def _clear(_: dict[str, Any]) -> dict[str, Any]:
    calls.clear()
    return {}


def _record(body: dict[str, Any]) -> dict[str, Any]:
    calls.record(calls.Call(**{name: str(body[name]) for name in calls.Call.__annotations__}))
    return {}


ROUTES = {("GET", "calls"): _rows, ("POST", "calls"): _record, ("DELETE", "calls"): _clear}
