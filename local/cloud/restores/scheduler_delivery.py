"""A schedule acts under its target's role, fills in its context, and leaves failures in its dead-letter queue.

Schedules are looked at every second. `Input` may hold `<aws.scheduler.schedule-arn>`,
`<aws.scheduler.scheduled-time>`, `<aws.scheduler.execution-id>` and `<aws.scheduler.attempt-number>`.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

import json
from typing import Any

from event_delivery import Delivery, deliver
from ministack.core.responses import new_uuid
from ministack.services import eventbridge, scheduler
from rewrite import rewrite

SERVICE = "scheduler.amazonaws.com"

_TICK_SECONDS = 1


def restore() -> None:
    scheduler._SCHEDULE_TICK_INTERVAL = _TICK_SECONDS
    eventbridge._SCHEDULER_TICK_INTERVAL = _TICK_SECONDS
    scheduler._patchwave_fire = _fire
    rewrite(
        scheduler,
        "_tick_schedules",
        ("                _eb._invoke_target(target, event, sched)\n", "                _patchwave_fire(target, event, sched)\n"),
    )


def _fire(target: dict[str, Any], event: dict[str, Any], schedule: dict[str, Any]) -> None:
    view = eventbridge._pattern_event_view(event)
    execution, scheduled_at = new_uuid(), eventbridge._event_time_string(event)
    arn = schedule["Arn"]
    payload = target.get("Input") or json.dumps(view.event_with_detail())
    for name, value in (
        ("schedule-arn", arn),
        ("scheduled-time", scheduled_at),
        ("execution-id", execution),
        ("attempt-number", "1"),
    ):
        payload = payload.replace(f"<aws.scheduler.{name}>", value)
    labels = {"SCHEDULE_ARN": arn, "SCHEDULED_TIME": scheduled_at, "EXECUTION_ID": execution}
    labels["IS_PAYLOAD_TRUNCATED"] = "false"
    deliver(
        Delivery(
            service=SERVICE, source_arn=arn, target=target, payload=payload, body=payload, labels=labels,
            event=event, rule=schedule,
        )
    )  # fmt: skip
