"""A service deployment tells how a deployment goes; for blue/green, linear and canary nothing else does.

ECS tells a rollout state of a rolling update only. Every deployment has a service deployment, numbered by the service
revision that it brings out, which is kept after the deployment is listed no more.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import json_response
from ministack.services import ecs
from operations import ApiError, Operation, Reply, Request, replace_in_ecs
from request_pages import page_of

Service = dict[str, Any]
Deployment = dict[str, Any]

_MOST_DESCRIBED = 20
_UNTOLD = ("rolloutState", "rolloutStateReason")


def restore() -> None:
    replace_in_ecs("ListServiceDeployments", "d971b80772fb", lambda _so_far: _list)
    replace_in_ecs("DescribeServiceDeployments", "63c1f1467a7f", lambda _so_far: _describe)
    replace_in_ecs("CreateService", "8bc82a13551c", _changing("serviceName"))
    replace_in_ecs("UpdateService", "bde69c11b50d", _changing("service"))
    replace_in_ecs("DescribeServices", "f9e11ac2be56", _answering)


def _changing(member: str) -> Callable[[Operation], Operation]:
    def change(so_far: Operation) -> Operation:
        def operation(request: Request) -> Reply:
            reply = so_far(request)
            service = _service_of(request, member)
            if reply[0] == 200 and service is not None:
                kept = service.setdefault("_every_deployment", [])
                kept.extend(each for each in service["deployments"] if not any(each is other for other in kept))
            return _without_states(reply)

        return operation

    return change


def _answering(so_far: Operation) -> Operation:
    return lambda request: _without_states(so_far(request))


def _service_of(request: Request, member: str) -> Service | None:
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    reference = ecs._resolve_service_ref(request.get(member, ""))
    return ecs._services.get(f"{cluster}/{reference[0]}") if cluster and reference else None


def _without_states(reply: Reply) -> Reply:
    status, _, body = reply
    answer = json.loads(body)
    if status != 200:
        return reply
    for service in [answer["service"]] if "service" in answer else answer["services"]:
        if service.get("deploymentConfiguration", {}).get("strategy", "ROLLING") == "ROLLING":
            continue
        for deployment in service["deployments"]:
            for member in _UNTOLD:
                deployment.pop(member, None)
    return json_response(answer)


def _list(request: Request) -> Reply:
    service = _service_of(request, "service")
    if service is None:
        raise ApiError("ServiceNotFoundException", "Service not found.")
    found = [_brief(service, each) for each in reversed(service.get("_every_deployment", []))]
    created, states = request.get("createdAt") or {}, request.get("status")
    wanted = [
        each for each in found
        if created.get("after", 0) <= each["createdAt"] <= created.get("before", each["createdAt"])
        and (not states or each["status"] in states)
    ]  # fmt: skip
    items, token = page_of(wanted, request, default=20, maximum=100)
    return json_response({"serviceDeployments": items, **token})


def _brief(service: Service, deployment: Deployment) -> dict[str, Any]:
    number = deployment["id"].rpartition("/")[2]
    service_arn = service["serviceArn"]
    created_at = ecs._ts_to_epoch(deployment["createdAt"])
    return {
        "serviceDeploymentArn": service_deployment_arn(service, deployment),
        "serviceArn": service_arn,
        "clusterArn": service["clusterArn"],
        "createdAt": created_at,
        "startedAt": created_at,
        "targetServiceRevisionArn": f"{_arn(service_arn, 'service-revision')}/{number}",
        "status": _status(deployment),
        "statusReason": deployment["rolloutStateReason"],
    }


def _describe(request: Request) -> Reply:
    asked = request.get("serviceDeploymentArns") or []
    if not 1 <= len(asked) <= _MOST_DESCRIBED:
        raise ApiError("InvalidParameterException", f"Between 1 and {_MOST_DESCRIBED} service deployments can be described.")
    every = (
        (service, each) for service in list(ecs._services.values()) for each in service.get("_every_deployment", [])
    )  # fmt: skip
    found = {}
    for service, each in every:
        brief = _brief(service, each)
        if brief["serviceDeploymentArn"] in asked:
            revision = {"arn": brief.pop("targetServiceRevisionArn")}
            stage = "BAKE_TIME" if brief["status"] == "IN_PROGRESS" else "CLEAN_UP"
            found[brief["serviceDeploymentArn"]] = brief | {"targetServiceRevision": revision, "lifecycleStage": stage}
    missing = [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in found]
    return json_response({"serviceDeployments": list(found.values()), "failures": missing})


def service_deployment_arn(service: Service, deployment: Deployment) -> str:
    number = deployment["id"].rpartition("/")[2]
    return f"{_arn(service['serviceArn'], 'service-deployment')}/{hashlib.sha256(number.encode()).hexdigest()[:21]}"


def _arn(service_arn: str, kind: str) -> str:
    return service_arn.replace(":service/", f":{kind}/", 1)


def _status(deployment: Deployment) -> str:
    """One that ECS goes back to has succeeded before; one that is replaced while it goes on is stopped."""
    state, is_primary = deployment["rolloutState"], deployment["status"] == "PRIMARY"
    if deployment.get("_was_completed") or state == "COMPLETED":
        return "SUCCESSFUL"
    if state == "FAILED":
        return "STOPPED" if is_primary else "ROLLBACK_SUCCESSFUL"
    return "IN_PROGRESS" if is_primary else "STOPPED"
