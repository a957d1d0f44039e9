"""A bus with a customer's key keeps and delivers events only while EventBridge may use that key; else they are dead letters.

The key has to be enabled, and its policy has to let EventBridge use it for this bus. What AWS services tell is encrypted
with a key of AWS, so such events are delivered all the same. A bus that CloudFormation makes has its key and its
dead-letter queue. AWS does not document the attributes of such a dead letter: here ERROR_MESSAGE says why.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
"""

import json
import logging
from typing import Any

import ministack.app as ministack_app
from event_delivery import DeliveryFailed, put_message
from ministack.core.responses import get_account_id
from ministack.services import eventbridge, kms, sqs
from ministack.services.cloudformation import provisioners
from service_roles import denial_for_service
from upstream import pinned, wrap

logger = logging.getLogger("patchwave.events_bus_keys")

SERVICE = "events.amazonaws.com"

_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
_SETTINGS = ("KmsKeyIdentifier", "DeadLetterConfig")


def restore() -> None:
    pinned(kms._resolve_key, "90e6b84ded7c")
    wrap(eventbridge, "_dispatch_event", "d1bfe064f602", _dispatch)
    wrap(eventbridge, "_archive_event", "e4ec52f03a32", _archive)
    wrap(provisioners, "_eb_event_bus_create", "746b41b33c05", _create)
    wrap(provisioners, "_eb_event_bus_update", "32f10aa44333", _update)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]
    handlers["create"], handlers["update"] = provisioners._eb_event_bus_create, provisioners._eb_event_bus_update


def _create(original: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    name, attributes = original(logical_id, properties, stack)
    _set(name, properties)
    return name, attributes


def _update(original: Any, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
    name, attributes = original(physical_id, old, new, stack)
    _set(name, new)
    return name, attributes


def _set(name: str, properties: dict[str, Any]) -> None:
    bus = eventbridge._event_buses[name]
    for setting in _SETTINGS:
        bus.pop(setting, None)
        if properties.get(setting):
            bus[setting] = properties[setting]


def _dispatch(original: Any, event: dict[str, Any], view: Any = None) -> None:
    bus = _bus_of(event)
    problem = _problem(bus, event)
    if problem is None:
        original(event, view)
    else:
        _set_aside(bus, event, problem)


def _archive(original: Any, event: dict[str, Any], view: Any = None) -> None:
    if _problem(_bus_of(event), event) is None:
        original(event, view)


def _bus_of(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = eventbridge._event_buses.get(event.get("EventBusName", "default")) or {}
    return found


def _problem(bus: dict[str, Any], event: dict[str, Any]) -> str | None:
    """Why EventBridge cannot encrypt the event; None where it can, or need not with this key."""
    key = bus.get("KmsKeyIdentifier")
    if not key or str(event.get("Source", "")).startswith("aws."):
        return None
    record = kms._resolve_key(key)
    if record is None:
        return f"The key {key} does not exist"
    if record["KeyState"] != "Enabled":
        return f"{record['Arn']} is {record['KeyState'].lower()}."
    if not ministack_app.AUTH:
        return None
    context = {
        "aws:sourcearn": bus["Arn"], "aws:sourceaccount": get_account_id(),
        "kms:encryptioncontext:aws:events:event-bus:arn": bus["Arn"],
    }  # fmt: skip
    denials = (denial_for_service(SERVICE, action, record["Arn"], record["Policy"], context) for action in _ACTIONS)
    return next((denial for denial in denials if denial is not None), None)


def _set_aside(bus: dict[str, Any], event: dict[str, Any], problem: str) -> None:
    queue = (bus.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        logger.warning("An event is lost, as the bus %s has no dead-letter queue: %s", bus["Name"], problem)
        return
    try:
        _permit(bus, queue)
        body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
        put_message(queue, body, {"MessageAttributes": {"ERROR_MESSAGE": {"DataType": "String", "StringValue": problem[:256]}}})
    except DeliveryFailed as error:
        logger.warning("An event is lost, as the dead-letter queue of the bus %s refused it: %s", bus["Name"], error)


def _permit(bus: dict[str, Any], queue: str) -> None:
    policy = (sqs._queue_by_arn(queue) or {}).get("attributes", {}).get("Policy")
    context = {"aws:sourcearn": bus["Arn"], "aws:sourceaccount": get_account_id()}
    denial = denial_for_service(SERVICE, "sqs:SendMessage", queue, policy, context)
    if denial is not None and ministack_app.AUTH:
        raise DeliveryFailed("NO_PERMISSIONS", denial)
