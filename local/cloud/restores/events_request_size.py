"""EventBridge refuses a request of PutEvents whose entries have more than 256 KB together.

AWS raised the limit to 1 MB in January 2026. The limit of before, which the guide still gives, is kept here.

https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html
"""

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import eventbridge
from service_requests import Reply
from upstream import wrap

_MOST_BYTES = 256 * 1024
_BYTES_OF_A_TIME = 14


def restore() -> None:
    wrap(eventbridge, "_put_events", "ebcda0f38061", _put_events)


def _put_events(original: Any, data: dict[str, Any], *rest: Any, **named: Any) -> Reply:
    if sum(_size(entry) for entry in data.get("Entries", [])) > _MOST_BYTES:
        message = "Total size of the entries in the request is over the limit."
        return error_response_json("ValidationException", message, 400)
    reply: Reply = original(data, *rest, **named)
    return reply


def _size(entry: dict[str, Any]) -> int:
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    time = _BYTES_OF_A_TIME if entry.get("Time") else 0
    return time + sum(len(text.encode()) for text in texts if isinstance(text, str))
