"""ECS tells EventBridge when a task runs and when it stops (`ECS Task State Change`).

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

import functools
from typing import Any

from ecs_tasks import Task, on_task_start
from events import publish
from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import ecs
from operations import Request
from upstream import pinned

# Members of the API's task that the event does not have.
_NOT_IN_EVENT = ("tags", "healthStatus", "enableExecuteCommand")


def restore() -> None:
    on_task_start(observe=_tell_all)
    mark_stopped = pinned(ecs._mark_task_stopped, "09bac9c1c8d0")

    @functools.wraps(mark_stopped)
    def mark_and_tell(task_arn: str, task: Task, *arguments: Any, **named: Any) -> bool:
        stopped = mark_stopped(task_arn, task, *arguments, **named)
        if stopped:
            _tell(task)
        return stopped

    ecs._mark_task_stopped = mark_and_tell


def _tell_all(tasks: list[Task], _: Request) -> None:
    for task in tasks:
        _tell(task, task.get("startedAt"))


def _tell(task: Task, at: str | None = None) -> None:
    detail = {name: value for name, value in ecs._sanitize(task).items() if value != "" and name not in _NOT_IN_EVENT}
    # Of the change that the event tells: of a start it is the instant of the start.
    detail["updatedAt"] = at or now_iso()
    publish("aws.ecs", "ECS Task State Change", [task["taskArn"]], detail, get_account_id(), get_region())
