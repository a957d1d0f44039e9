"""Asks the policy of an event bus whether a caller of another account or Region may put events on it."""

from collections.abc import Iterable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.services import eventbridge

ACTION = "events:PutEvents"


def keys_of(events: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """The condition keys of a call that puts these events: sets, as one call may put several events.

    A key that no event has is absent.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    found = list(events)
    named = {
        "events:source": [event["Source"] for event in found if event.get("Source")],
        "events:detail-type": [event["DetailType"] for event in found if event.get("DetailType")],
    }
    return {key: sorted(set(values)) for key, values in named.items() if values}


def denial_by_bus(bus: Any, principal_arn: str, account: str, keys: dict[str, Any]) -> str | None:
    """None when the policy of the bus `bus`, a parsed ARN, lets the principal of the account put events with these keys.

    Otherwise the message of AWS's refusal.
    """
    policy = eventbridge._event_bus_policies.get_scoped(bus.account_id, bus.region, bus.resource.split("/", 1)[1])
    context = EvalContext(
        principal_arn=principal_arn, principal_type="AssumedRole", principal_account=account, action=ACTION,
        resource_arn=str(bus), region=bus.region, service_context=dict(keys),
    )  # fmt: skip
    if iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow":
        return None
    return (
        f"User: {principal_arn} is not authorized to perform: {ACTION} on resource: {bus} because no resource-based "
        f"policy allows the {ACTION} action"
    )
