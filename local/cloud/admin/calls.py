"""`GET calls`: what was asked of each service, by whom, how often. `DELETE calls` starts anew."""

from typing import Any

import calls


def _rows(_: dict[str, Any]) -> list[dict[str, Any]]:
    return calls.rows()


def _clear(_: dict[str, Any]) -> dict[str, Any]:
    calls.clear()
    return {}


ROUTES = {("GET", "calls"): _rows, ("DELETE", "calls"): _clear}
