"""Messages of a dead-letter queue are moved back, each to the queue it came from or all to one that is named.

They are new messages there, with no receives yet. One that was never in another queue has no source, and stays
unless a destination is named. ministack has none of the three operations; here a move is over as soon as it has begun.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html
"""

import json
from typing import Any

import clock
from ministack.core.concurrency import esm_wake
from ministack.core.responses import new_uuid
from ministack.services import sqs
from upstream import UpstreamChanged, pinned

_MOST_LISTED = 10

# By the ARN of the source, the latest first.
_moves: dict[str, list[dict[str, Any]]] = {}


def restore() -> None:
    pinned(sqs._queue_by_arn, "b4981875c818")
    for name, operation in {
        "StartMessageMoveTask": _start, "ListMessageMoveTasks": _list, "CancelMessageMoveTask": _cancel,
    }.items():  # fmt: skip
        if name in sqs._HANDLERS:
            raise UpstreamChanged(f"ministack has {name} by now: take it out of this restore.")
        sqs._HANDLERS[name] = operation


def _start(request: dict[str, Any], _url: str) -> dict[str, Any]:
    source_arn, destination_arn = request["SourceArn"], request.get("DestinationArn")
    source = _existing(source_arn)
    if not _is_dead_letter_queue(source_arn):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    destination = _existing(destination_arn) if destination_arn else None
    with sqs._queues_lock:
        messages, source["messages"] = source["messages"], []
        moved = [message for message in messages if _move(message, destination)]
        source["messages"] = [message for message in messages if message not in moved]
    left = len(source["messages"])
    task = {
        "TaskHandle": new_uuid(), "Status": "FAILED" if left else "COMPLETED", "SourceArn": source_arn,
        "ApproximateNumberOfMessagesMoved": len(moved), "ApproximateNumberOfMessagesToMove": len(messages),
        "StartedTimestamp": int(clock.now() * 1000),
        **({"DestinationArn": destination_arn} if destination_arn else {}),
        **({"FailureReason": "CouldNotDetermineMessageSource"} if left else {}),
    }  # fmt: skip
    _moves.setdefault(source_arn, []).insert(0, task)
    esm_wake.set()
    return {"TaskHandle": task["TaskHandle"]}


def _list(request: dict[str, Any], _url: str) -> dict[str, Any]:
    _existing(request["SourceArn"])
    most = min(int(request.get("MaxResults") or 1), _MOST_LISTED)
    shown = [{key: value for key, value in task.items() if key != "TaskHandle"} for task in _moves.get(request["SourceArn"], [])]
    return {"Results": shown[:most]}


def _cancel(_request: dict[str, Any], _url: str) -> dict[str, Any]:
    raise sqs._Err("ResourceNotFoundException", "Only active tasks can be cancelled, and a move is over at once here.")


def _existing(arn: str) -> dict[str, Any]:
    queue: dict[str, Any] | None = sqs._queue_by_arn(arn)
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
    return queue


def _is_dead_letter_queue(arn: str) -> bool:
    policies = (queue["attributes"].get("RedrivePolicy") for queue in sqs._queues.values())
    return any(json.loads(policy).get("deadLetterTargetArn") == arn for policy in policies if policy)


def _move(message: dict[str, Any], destination: dict[str, Any] | None) -> bool:
    came_from = (message.get("sys") or {}).get("DeadLetterQueueSourceArn")
    queue = destination or (sqs._queue_by_arn(came_from) if came_from else None)
    if queue is None:
        return False
    now = clock.now()
    kept = {key: message[key] for key in ("body", "md5_body", "md5_attrs", "message_attributes") if key in message}
    fresh = {**kept, "id": new_uuid(), "sent_at": now, "visible_at": now, "receive_count": 0, "receipt_handle": None}
    sqs._ensure_msg_fields(fresh)
    queue["messages"].append(fresh)
    return True
