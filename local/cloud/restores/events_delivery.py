"""An event that a rule cannot deliver is tried again by the target's RetryPolicy and ends in its dead-letter queue.

The message holds the event, and RULE_ARN, TARGET_ARN, ERROR_CODE, ERROR_MESSAGE and RETRY_ATTEMPTS as
attributes. A missing target or permission is not tried again. A function is invoked
asynchronously: its own retries and destinations follow.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

import json
from typing import Any

from event_delivery import Delivery, deliver
from ministack.services import eventbridge
from upstream import pinned

SERVICE = "events.amazonaws.com"


def restore() -> None:
    pinned(eventbridge._invoke_target, "550e304af080")
    eventbridge._invoke_target = _invoke_target


def _invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
    view = view or eventbridge._pattern_event_view(event)
    whole = view.event_with_detail()
    deliver(
        Delivery(
            service=SERVICE, source_arn=rule["Arn"], target=target, payload=_payload(target, whole, rule, view),
            body=json.dumps(whole), labels={"RULE_ARN": rule["Arn"]}, event=event, rule=rule,
        )
    )  # fmt: skip


def _payload(target: dict[str, Any], whole: dict[str, Any], rule: dict[str, Any], view: Any) -> str:
    """The text that the target receives."""
    if target.get("InputTransformer"):
        return eventbridge._apply_input_transformer(target["InputTransformer"], rule, view)
    if target.get("Input"):
        return target["Input"]
    value: Any = whole
    for part in (target.get("InputPath") or "$").removeprefix("$").split("."):
        if part:
            # A path that leads nowhere leaves the whole event in place.
            value = value.get(part, whole) if isinstance(value, dict) else whole
    return json.dumps(value)
