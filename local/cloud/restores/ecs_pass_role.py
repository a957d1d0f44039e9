"""Registering a task definition takes the permission to pass each of its roles to ECS.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_service-with-iam.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import ministack.app as ministack_app
from upstream import wrap

Reply = tuple[int, dict[str, str], Any]

_SERVICE = "ecs-tasks.amazonaws.com"


def restore() -> None:
    wrap(ministack_app, "_dispatch_service_request", "17e5ef6dcfa0", _checked)


async def _checked(
    dispatch: Callable[..., Awaitable[Reply]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
    request_id: str,
) -> Reply:
    target = headers.get("x-amz-target", "")
    if target.startswith("AmazonEC2ContainerService") and target.endswith(".RegisterTaskDefinition"):
        request = json.loads(body or b"{}")
        for role in filter(None, (request.get("taskRoleArn"), request.get("executionRoleArn"))):
            denied = ministack_app._enforce_data_plane(
                "ecs", "iam:PassRole", headers, query, request_id,
                resource_arn=role, service_context={"iam:passedtoservice": _SERVICE},
            )  # fmt: skip
            if denied:
                return denied
    return await dispatch(method, path, headers, body, query, request_id)
