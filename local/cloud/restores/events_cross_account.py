"""A rule forwards events to a bus of another account or Region, where the bus policy and the target's role allow it.

The event keeps the account and Region it came from. It goes one hop: a second account or Region is
refused. PutPermission takes a whole policy. A policy is asked with the keys of the event, which are sets.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

import json
from typing import Any

from bus_policies import denial_by_bus, keys_of
from event_delivery import Delivery, DeliveryFailed, forward, steps
from ministack.core.responses import error_response_json, get_account_id, json_response, request_scope
from ministack.services import eventbridge
from service_roles import session_arn
from upstream import wrap


def restore() -> None:
    steps.to_bus = _to_bus
    wrap(eventbridge, "_put_permission", "3f19d0b56bca", _put_permission)


def _to_bus(delivery: Delivery, spec: Any) -> None:
    steps.permit(delivery, "events:PutEvents", str(spec))
    event = delivery.event
    other_account = spec.account_id != get_account_id()
    if other_account and event.get("_ChangedAccount"):
        raise DeliveryFailed("THIRD_ACCOUNT_HOP_DETECTED", f"The event already came from {event.get('Account')}")
    if not other_account and event.get("_ChangedRegion"):
        raise DeliveryFailed("THIRD_REGION_HOP_DETECTED", f"The event already came from {event.get('Region')}")
    hop = {"_ChangedAccount": True} if other_account else {"_ChangedRegion": True}
    bus = spec.resource.split("/", 1)[1]
    with request_scope(spec.account_id, spec.region):
        eventbridge._ensure_default_bus()
        if bus not in eventbridge._event_buses:
            raise DeliveryFailed("NO_RESOURCE", f"The event bus {spec} does not exist")
        if other_account:
            _permit_by_bus(delivery, spec)
        forward(delivery, spec, {**event, **hop})


def _permit_by_bus(delivery: Delivery, spec: Any) -> None:
    _, _, _, _, account, _ = delivery.source_arn.split(":", 5)
    role = delivery.target.get("RoleArn")
    principal = session_arn(role) if role else f"arn:aws:iam::{account}:root"
    rule = {"aws:sourcearn": delivery.source_arn, "aws:sourceaccount": account, "events:eventbusinvocation": "true"}
    message = denial_by_bus(spec, principal, account, {**keys_of([delivery.event]), **rule})
    if message:
        raise DeliveryFailed("NO_PERMISSIONS", message)


def _put_permission(original: Any, request: dict[str, Any]) -> Any:
    if "Policy" not in request:
        return original(request)
    try:
        policy = json.loads(request["Policy"])
    except ValueError:
        return error_response_json("ValidationException", "Policy is not JSON", 400)
    eventbridge._event_bus_policies[request.get("EventBusName", "default")] = policy
    return json_response({})
