"""A task tells its CPU architecture, the group it belongs to and what started it, and on Fargate no instance.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

from ecs_tasks import Task, on_task_start
from ministack.services import ecs
from operations import Request

_ARCHITECTURES = {"X86_64": "x86_64", "ARM64": "arm64"}


def restore() -> None:
    on_task_start(prepare=_complete)


def _complete(tasks: list[Task], request: Request) -> None:
    definition = ecs._task_defs.get(ecs._resolve_td_key(request.get("taskDefinition", ""))) or {}
    platform = definition.get("runtimePlatform") or {}
    architecture = _ARCHITECTURES[platform.get("cpuArchitecture", "X86_64")]
    for task in tasks:
        task["attributes"] = [{"name": "ecs.cpu-architecture", "value": architecture}]
        if task["launchType"] == "FARGATE":
            task.pop("containerInstanceArn", None)
        if not task["group"]:
            task["group"] = f"family:{definition.get('family', '')}"
        if request.get("_deploymentId"):
            task["startedBy"] = request["_deploymentId"]
