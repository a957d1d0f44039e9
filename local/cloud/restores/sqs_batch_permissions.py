"""A batch call of SQS is authorized as the single call whose name it bears: there is no permission of its own.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html
"""

from typing import Any

from ministack.core import iam_actions
from upstream import wrap

_BATCHES = frozenset({"sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"})


def restore() -> None:
    wrap(iam_actions, "extract_iam_action", "ec476b92d969", _action)


def _action(original: Any, *arguments: Any, **named: Any) -> str | None:
    action: str | None = original(*arguments, **named)
    return action.removesuffix("Batch") if action in _BATCHES else action
