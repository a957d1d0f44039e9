"""A bus of another account or Region becomes a target only where its policy lets the caller put events on it.

Nothing is put at that moment, so the keys of an event are absent: a condition on them that needs them refuses the
target. That the policy is asked for a bus of the same account too, in another Region, is what users report; which
keys are there when it is asked is documented nowhere.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
https://github.com/ministryofjustice/modernisation-platform-environments/pull/19002
"""

from typing import Any

import ministack.app as ministack_app
from bus_policies import denial_by_bus
from ministack.core import iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners
from upstream import wrap


def restore() -> None:
    wrap(eventbridge, "_put_targets", "9d129f83c189", _put_targets)
    wrap(provisioners, "_eb_rule_create", "f6821fbd1768", _create_rule)
    provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"]["create"] = provisioners._eb_rule_create


def _put_targets(original: Any, data: dict[str, Any]) -> Any:
    message = _denial(data.get("Targets", []))
    return error_response_json("AccessDeniedException", message, 400) if message else original(data)


def _create_rule(original: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    message = _denial(properties.get("Targets", []))
    if message:
        raise ValueError(message)
    return original(logical_id, properties, stack)


def _denial(targets: list[dict[str, Any]]) -> str | None:
    if not ministack_app.AUTH:
        return None
    for target in targets:
        try:
            spec = parse_arn(target.get("Arn", ""))
        except ArnParseError:
            continue
        is_bus = spec.service == "events" and spec.resource.startswith("event-bus/")
        if is_bus and (spec.account_id, spec.region) != (get_account_id(), get_region()):
            message = denial_by_bus(spec, iam_evaluator.caller_arn(), get_account_id(), {})
            if message:
                return message
    return None
