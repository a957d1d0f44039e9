"""`PUT clock`: sets the clock of queues, alarms and time-outs of executions forward by so many seconds."""

from typing import Any

import clock
from admin import BadRequest
from ministack.core.concurrency import esm_wake


def _set_forward(body: dict[str, Any]) -> dict[str, Any]:
    seconds = body["forwardSeconds"]
    if not isinstance(seconds, (int, float)) or seconds < 0:
        raise BadRequest("forwardSeconds must be a number of seconds, 0 or more")
    reached = clock.set_forward(float(seconds))
    # Messages that were hidden may be visible now.
    esm_wake.set()
    return {"epochSeconds": reached}


ROUTES = {("PUT", "clock"): _set_forward}
