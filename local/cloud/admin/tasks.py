"""`POST tasks`: changes a running task in ways that only AWS can, such as a container that AWS itself adds."""

from typing import Any

from admin import BadRequest
from ministack.core.responses import new_uuid, request_scope
from ministack.services import ecs


def _change(body: dict[str, Any]) -> dict[str, Any]:
    """Containers are found by name and changed, or added; null takes a member away, as of an image not pulled yet."""
    with request_scope(body["account"], body["region"]):
        task = ecs._tasks.get(body["task"])
        if task is None:
            raise BadRequest(f"{body['task']} is no task of {body['account']} in {body['region']}")
        for member in ("lastStatus", "startedAt", "createdAt"):
            if member in body:
                task[member] = body[member]
        for change in body.get("containers", []):
            _change_container(task, change)
        task["version"] += 1
    return {}


def _change_container(task: dict[str, Any], change: dict[str, Any]) -> None:
    container = next((known for known in task["containers"] if known["name"] == change["name"]), None)
    if container is None:
        identity = f"{task['taskArn'].replace(':task/', ':container/')}/{new_uuid()}"
        container = {"containerArn": identity, "taskArn": task["taskArn"], "lastStatus": "RUNNING"}
        task["containers"].append(container)
    for member, value in change.items():
        if value is None:
            container.pop(member, None)
        else:
            container[member] = value


ROUTES = {("POST", "tasks"): _change}
