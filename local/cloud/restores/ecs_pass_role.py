"""Registering a task definition takes the permission to pass each of its roles to ECS.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_service-with-iam.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import json

from service_requests import Reply, Serve, ServiceRequest, around_requests

_SERVICE = "ecs-tasks.amazonaws.com"


def restore() -> None:
    around_requests(_checked)


async def _checked(serve: Serve, request: ServiceRequest) -> Reply:
    if request.is_for("AmazonEC2ContainerService", "RegisterTaskDefinition"):
        definition = json.loads(request.body or b"{}")
        for role in filter(None, (definition.get("taskRoleArn"), definition.get("executionRoleArn"))):
            denied = request.denial("iam:PassRole", role, service="ecs", context={"iam:passedtoservice": _SERVICE})
            if denied:
                return denied
    return await serve()
