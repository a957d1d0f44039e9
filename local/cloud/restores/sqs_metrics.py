"""SQS tells CloudWatch each minute how many messages a queue holds, and how old the oldest one is.

A message that was received three times without being deleted moves to the back of its queue, and no longer counts for the age:
an alarm on the age alone does not see what fails again and again.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from typing import Any

import clock
from ministack.core.responses import request_scope
from ministack.services import cloudwatch, sqs
from upstream import pinned

_RECEIVES_THAT_DO_NOT_COUNT = 3


def restore() -> None:
    pinned(cloudwatch.record_metric, "7f777bfbe523")
    pinned(sqs._refresh_counts, "5d0fb7b342d2")
    clock.follow(sqs)
    clock.follow(cloudwatch)
    clock.each_minute(clock.MEASURES, _measure_all)


def _measure_all() -> None:
    for (account, region, _), queue in list(sqs._queues._data.items()):
        with request_scope(account, region), sqs._queues_lock:
            _measure(queue)


def _measure(queue: dict[str, Any]) -> None:
    now = clock.now()
    for message in queue["messages"]:
        # Other services put their messages in by the machine's clock.
        message.setdefault("_patchwave_since", now)
        sqs._ensure_msg_fields(message)
    sqs._refresh_counts(queue)
    attributes = queue["attributes"]
    name = {"QueueName": attributes["QueueArn"].rsplit(":", 1)[-1]}
    for metric, attribute in (
        ("ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessages"),
        ("ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesNotVisible"),
    ):
        cloudwatch.record_metric("AWS/SQS", metric, float(attributes[attribute]), "Count", name)
    since = [m["_patchwave_since"] for m in queue["messages"] if m["receive_count"] < _RECEIVES_THAT_DO_NOT_COUNT]
    age = now - min(since) if since else 0.0
    cloudwatch.record_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", age, "Seconds", name)
