"""PutEvents is authorized for each bus, with the sources and detail types of all entries for it; other accounts need its policy.

`events:source` and `events:detail-type` are sets (ArrayOfString): a condition on them without `ForAllValues` or
`ForAnyValue` is not met. The event keeps the account of the caller. An entry without source or detail type is refused
by itself, before any rule sees it.

The documentation does not say whether a call is refused whole where a bus may not take one entry. Here it is.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-example-policy-cross-account-custom-bus-source.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

import json
from typing import Any

import ministack.app as ministack_app
from bus_policies import ACTION, denial_by_bus, keys_of
from ministack.core import iam_actions, iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
    request_scope,
)
from ministack.services import eventbridge
from service_requests import Reply, Serve, ServiceRequest, around_requests
from upstream import wrap

Entry = dict[str, Any]

_MOST_ENTRIES = 10
_REQUIRED = ("Source", "DetailType")


def restore() -> None:
    # The first bus is authorized by ministack, with the context given to it; the others here, each with its own.
    wrap(iam_actions, "eventbridge_resource_arns", "0615291c4d9b", lambda original, *request: original(*request)[:1])
    wrap(iam_actions, "request_tag_context", "d46adb816e02", _context)
    around_requests(_checked)
    wrap(eventbridge, "_put_events", "ebcda0f38061", _put_events)


def _entries_of(body: bytes) -> list[Entry]:
    try:
        entries = json.loads(body or b"{}").get("Entries", [])
    except (ValueError, AttributeError):
        return []
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _by_bus(entries: list[Entry]) -> dict[str, list[Entry]]:
    own = f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus"
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        bus = entry.get("EventBusName") or "default"
        found.setdefault(bus if bus.startswith("arn:") else f"{own}/{bus}", []).append(entry)
    return found


def _context(original: Any, service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = original(service, action, body, params)
    if service != "events" or action != ACTION:
        return found
    first: list[Entry] = next(iter(_by_bus(_entries_of(body)).values()), [])
    return {**found, **keys_of(first)}


async def _checked(serve: Serve, request: ServiceRequest) -> Reply:
    if request.is_for("AWSEvents", "PutEvents") and ministack_app.AUTH:
        for place, (bus, entries) in enumerate(_by_bus(_entries_of(request.body)).items()):
            if place > 0:
                denied = request.denial(ACTION, bus, context=keys_of(entries))
                if denied:
                    return denied
            elsewhere = _elsewhere(bus)
            if elsewhere is not None:
                caller = iam_evaluator.request_caller_arn(request.headers, request.query)
                keys = {**keys_of(entries), "events:eventbusinvocation": "false"}
                message = denial_by_bus(elsewhere, caller, get_account_id(), keys)
                if message:
                    return error_response_json("AccessDeniedException", message, 400)
    return await serve()


def _elsewhere(bus: str) -> Any:
    """The parsed ARN of a bus of another account in the same Region; None for any other bus."""
    try:
        spec = parse_arn(bus)
    except ArnParseError:
        return None
    is_there = spec.account_id != get_account_id() and spec.region == get_region()
    return spec if is_there and spec.service == "events" and spec.resource.startswith("event-bus/") else None


def _put_events(original: Any, data: dict[str, Any], allow_aws_source: bool = False) -> Any:
    entries = data.get("Entries", [])
    if len(entries) > _MOST_ENTRIES:
        return original(data, allow_aws_source)
    results = [_put(original, entry, allow_aws_source) for entry in entries]
    failed = sum("ErrorCode" in result for result in results)
    return json_response({"FailedEntryCount": failed, "Entries": results})


def _put(original: Any, entry: Entry, allow_aws_source: bool) -> dict[str, Any]:
    for name in _REQUIRED:
        if not entry.get(name):
            reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
    elsewhere = _elsewhere(entry.get("EventBusName") or "default")
    if elsewhere is None or str(entry["Source"]).startswith("aws."):
        local = {**entry, "EventBusName": "default"} if elsewhere is not None else entry
        _, _, body = original({"Entries": [local]}, allow_aws_source)
        result: dict[str, Any] = json.loads(body)["Entries"][0]
        return result
    return _put_elsewhere(elsewhere, entry)


def _put_elsewhere(bus: Any, entry: Entry) -> dict[str, Any]:
    caller = get_account_id()
    name = bus.resource.split("/", 1)[1]
    event = {
        "EventId": new_uuid(), "Source": entry["Source"], "DetailType": entry["DetailType"],
        "Detail": entry.get("Detail", "{}"), "Resources": entry.get("Resources", []), "EventBusName": name,
        "Time": int(eventbridge._now_ts()), "Account": caller, "Region": bus.region,
    }  # fmt: skip
    with request_scope(bus.account_id, bus.region):
        eventbridge._ensure_default_bus()
        if name not in eventbridge._event_buses:
            return {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"Event bus {bus} does not exist."}
        eventbridge._dispatch_event(event)
        eventbridge._archive_event(event)
    return {"EventId": event["EventId"]}
