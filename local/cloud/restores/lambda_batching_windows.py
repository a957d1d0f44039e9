"""Messages and records are collected for as long as the mapping says, or until a batch is full, of any size it allows.

ministack invokes a function for the messages that it finds at each poll, and for at most ten messages of a queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

import threading
import time
from typing import Any

import clock
from ministack.services import lambda_svc, sqs
from rewrite import rewrite

# When the first message of a batch that is being collected was seen, by mapping.
_since: dict[str, float] = {}


def restore() -> None:
    lambda_svc._patchwave_collects = _collects
    lambda_svc._patchwave_visible = _visible
    rewrite(
        lambda_svc,
        "_poll_sqs",
        (
            "            batch = _sqs._receive_messages_for_esm(queue_url, batch_size)\n",
            "            if _patchwave_collects(esm, _patchwave_visible(queue, batch_size), batch_size):\n"
            "                continue\n"
            "            batch = _sqs._receive_messages_for_esm(queue_url, batch_size)\n",
        ),
    )
    rewrite(
        lambda_svc,
        "_poll_dynamodb_streams",
        (
            "            batch = _ddb.stream_records_since(table_name, pos, batch_size)\n",
            "            if _patchwave_collects(esm, end - pos, batch_size):\n"
            "                continue\n"
            "            batch = _ddb.stream_records_since(table_name, pos, batch_size)\n",
        ),
    )
    rewrite(
        sqs,
        "_receive_messages_for_esm",
        ("        max_n = min(int(max_number or 1), 10)\n", "        max_n = int(max_number or 1)\n"),
    )


def _collects(mapping: dict[str, Any], waiting: int, batch_size: int) -> bool:
    """Whether some are there, and more are waited for. A batch that failed is tried again as it is."""
    window = mapping.get("MaximumBatchingWindowInSeconds") or 0
    name = mapping["UUID"]
    if not window or mapping.get("LastProcessingResult", "").startswith("PROBLEM"):
        return False
    now = time.monotonic()
    if waiting and name not in _since:
        _since[name] = now
        wake = threading.Timer(window, lambda_svc._esm_wake.set)
        wake.daemon = True
        wake.start()
    if 0 < waiting < batch_size and now - _since[name] < window:
        return True
    _since.pop(name, None)
    return False


def _visible(queue: dict[str, Any], most: int) -> int:
    now, found = clock.now(), 0
    with sqs._queues_lock:
        for message in queue["messages"]:
            found += message.get("visible_at", 0) <= now
            if found == most:
                break
    return found
