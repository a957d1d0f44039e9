"""A container tells the digest of its image, resolved when its task, or its service's deployment, started.

For a multi-platform image ECS is not documented to tell the index's digest or the child's; here it
is the digest that the tag names, hence the index's, which a reader has to resolve.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

import re

from ecs_tasks import Task, on_task_start
from ministack.core.responses import request_scope
from ministack.services import ecs
from operations import Request
from registry import find_image

_ECR_REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
    r"/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?"
)


def restore() -> None:
    on_task_start(prepare=_add_digests)


def _add_digests(tasks: list[Task], request: Request) -> None:
    resolved = _digests_of_deployment(request)
    for task in tasks:
        for container in task["containers"]:
            name = container["name"]
            if name not in resolved:
                resolved[name] = digest_of(container["image"])
            if digest := resolved[name]:
                container["imageDigest"] = digest


def _digests_of_deployment(request: Request) -> dict[str, str | None]:
    """What the first task of a deployment resolved holds for all its tasks."""
    deployment_id = request.get("_deploymentId")
    name = request.get("group", "").partition(":")[2]
    service = ecs._services.get(f"{ecs._resolve_cluster_name(request.get('cluster', 'default'))}/{name}") or {}
    for deployment in service.get("deployments", []):
        if deployment["id"] == deployment_id:
            return deployment.setdefault("_resolved_digests", {})
    return {}


def digest_of(reference: str) -> str | None:
    """The digest that an image reference names now; None when it is in no registry of this cloud."""
    named, _, digest = reference.partition("@")
    if digest:
        return digest
    match = _ECR_REFERENCE.fullmatch(named)
    if match is None:
        return None
    with request_scope(match["account"], match["region"]):
        image = find_image(match["repository"], {"imageTag": match["tag"] or "latest"})
    return image["imageDigest"] if image else None
