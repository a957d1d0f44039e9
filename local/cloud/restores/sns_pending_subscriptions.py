"""A subscription that its owner has not confirmed has no ARN yet: SNS lists it as `PendingConfirmation`.

https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
"""

from typing import Any

from ministack.services import sns
from upstream import wrap


def restore() -> None:
    wrap(sns, "_list_subscriptions_by_topic", "02119f3da935", _listed)


def _listed(original: Any, parameters: dict[str, Any]) -> Any:
    status, headers, body = original(parameters)
    topic = sns._topics.get(sns._p(parameters, "TopicArn"))
    for subscription in topic["subscriptions"] if topic else []:
        if not subscription["confirmed"]:
            body = body.replace(f">{subscription['arn']}<".encode(), b">PendingConfirmation<")
    return status, headers, body
