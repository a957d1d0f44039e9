"""A service revision tells its task definition, and the digests that its first task resolved.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability
"""

from collections.abc import Iterator
from typing import Any

from ministack.core.responses import json_response
from ministack.services import ecs
from operations import ApiError, Reply, Request, replace_in_ecs

_MOST_DESCRIBED = 20


def restore() -> None:
    replace_in_ecs("DescribeServiceRevisions", "f0062397dddb", lambda _so_far: _describe)


def revision_arn(service: dict[str, Any], deployment: dict[str, Any]) -> str:
    return f"{service['serviceArn'].replace(':service/', ':service-revision/', 1)}/{deployment['id'].rpartition('/')[2]}"


def _describe(request: Request) -> Reply:
    asked = request.get("serviceRevisionArns") or []
    if not 1 <= len(asked) <= _MOST_DESCRIBED:
        raise ApiError("InvalidParameterException", f"Between 1 and {_MOST_DESCRIBED} service revisions can be described.")
    found = {
        arn: _revision(arn, service, deployment)
        for service, deployment in _deployments()
        if (arn := revision_arn(service, deployment)) in asked
    }
    missing = [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in found]
    return json_response({"serviceRevisions": list(found.values()), "failures": missing})


def _deployments() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for service in list(ecs._services.values()):
        kept = service.get("_every_deployment", [])
        for deployment in [*kept, *(each for each in service["deployments"] if not any(each is one for one in kept))]:
            yield service, deployment


def _revision(arn: str, service: dict[str, Any], deployment: dict[str, Any]) -> dict[str, Any]:
    definition = deployment["taskDefinition"]
    known = ecs._task_defs.get(ecs._resolve_td_key(definition)) or {}
    resolved = deployment.get("_resolved_digests", {})
    images = [
        {"containerName": each["name"], "image": each["image"]}
        | ({"imageDigest": resolved[each["name"]]} if resolved.get(each["name"]) else {})
        for each in known.get("containerDefinitions", [])
    ]
    return {
        "serviceRevisionArn": arn,
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "taskDefinition": known.get("taskDefinitionArn", definition),
        "containerImages": images,
        "createdAt": ecs._ts_to_epoch(deployment["createdAt"]),
    }
