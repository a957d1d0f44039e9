"""A rule delivers only where it may: by the target's role, or by the policy of the queue, topic or function.

Step Functions and buses of other accounts need the role. A dead-letter queue needs a policy that
lets EventBridge send to it for this rule.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
"""

from typing import Any

import ministack.app as ministack_app
from event_delivery import Delivery, DeliveryFailed, steps
from ministack.core import iam_evaluator
from service_roles import denial_for_role, denial_for_service
from upstream import pinned


def restore() -> None:
    pinned(iam_evaluator.evaluate_resource_policy, "e49ce7161ad6")
    steps.permit = permit
    steps.permit_dead_letter = _permit_dead_letter


def permit(delivery: Delivery, action: str, resource: str) -> None:
    """Raises NO_PERMISSIONS unless the delivery may do `action` on `resource`."""
    role = delivery.target.get("RoleArn")
    if role:
        _refuse(denial_for_role(role, delivery.service, action, resource, _source(delivery)))
    elif action == "states:StartExecution":
        _refuse(f"{delivery.source_arn} has no role to start {resource} with")
    else:
        _permit_by_policy(delivery, action, resource)


def _permit_dead_letter(delivery: Delivery, queue: str) -> None:
    # A schedule sends to its dead-letter queue with its role, a rule by the policy of the queue.
    if delivery.service.startswith("scheduler."):
        permit(delivery, "sqs:SendMessage", queue)
    else:
        _permit_by_policy(delivery, "sqs:SendMessage", queue)


def _permit_by_policy(delivery: Delivery, action: str, resource: str) -> None:
    owned = iam_evaluator._resource_policy(action.split(":", 1)[0], resource)
    if owned is not None:
        _refuse(denial_for_service(delivery.service, action, resource, owned[0], _source(delivery)))


def _source(delivery: Delivery) -> dict[str, Any]:
    return {"aws:sourcearn": delivery.source_arn, "aws:sourceaccount": delivery.source_arn.split(":")[4]}


def _refuse(denial: str | None) -> None:
    if denial is not None and ministack_app.AUTH:
        raise DeliveryFailed("NO_PERMISSIONS", denial)
