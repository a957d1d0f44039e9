"""`PUT faults`: seeded faults of calls and events from now on. `DELETE faults` ends them. `GET faults`: what they did."""

from typing import Any

import faults
from admin import BadRequest
from faults import EventFaults, Faults, Kill

_FIELDS = {
    "seed": "seed", "throttleRate": "throttle_rate", "failureRate": "failure_rate", "afterRate": "after_rate",
    "latencyMs": "latency_ms", "principals": "principals", "operations": "operations", "events": "events", "kills": "kills",
}  # fmt: skip
_EVENT_FIELDS = {"lost": "lost", "doubled": "doubled", "late": "late", "reordered": "reordered", "lateMs": "late_ms"}


def _set(body: dict[str, Any]) -> dict[str, Any]:
    given = _renamed(body, _FIELDS, "")
    if "events" in given:
        given["events"] = EventFaults(**_renamed(given["events"], _EVENT_FIELDS, "events."))
    for name in ("principals", "operations"):
        if isinstance(given.get(name), list):
            given[name] = frozenset(given[name])
    if "kills" in given:
        given["kills"] = tuple(Kill(**kill) for kill in given["kills"])
    faults.use(Faults(**given))
    return {}


def _renamed(body: dict[str, Any], fields: dict[str, str], prefix: str) -> dict[str, Any]:
    renamed = {}
    for name, value in body.items():
        if name not in fields:
            raise BadRequest(f"{prefix}{name} is no fault; known: {', '.join(fields)}")
        is_share = name.endswith("Rate") or (prefix and name != "lateMs")
        if is_share and not 0 <= value <= 1:
            raise BadRequest(f"{prefix}{name} must be a share from 0 to 1, not {value}")
        renamed[fields[name]] = value
    return renamed


def _end(_: dict[str, Any]) -> dict[str, Any]:
    faults.use(None)
    return {}


def _tell(_: dict[str, Any]) -> dict[str, Any]:
    plan = faults.current
    return {"killsMade": plan.kills_made() if plan else 0, "events": plan.events_made() if plan else []}


ROUTES = {("PUT", "faults"): _set, ("DELETE", "faults"): _end, ("GET", "faults"): _tell}
