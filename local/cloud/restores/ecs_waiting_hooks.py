"""A deployment waits at the pause hooks of PRE_SCALE_UP, and starts no task of the revision until each is continued.

ContinueServiceDeployment answers a hook; a hook that nobody answers does what its `timeoutConfiguration` says, by the clock that a
test may set forward. Each change of a hook is an event. AWS announced these hooks for each strategy, rolling updates too; the guide
shows blue/green alone. Here they work for each strategy, and at this stage only. A Lambda hook of the same stage is called after them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/continue-service-deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html
"""

import functools
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import clock
from background import after
from events import publish
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, now_iso, request_scope
from ministack.services import ecs
from operations import ApiError, Operation, Reply, Request, replace_in_ecs
from restores.ecs_lifecycle_hooks import _take_back
from restores.ecs_service_deployments import service_deployment_arn
from upstream import wrap

Service = dict[str, Any]
Deployment = dict[str, Any]
Hook = dict[str, Any]

_STAGE = "PRE_SCALE_UP"
_DEFAULT_MINUTES = 1440
_CONTINUE = "ContinueServiceDeployment"


class UpstreamHasIt(Exception):
    """ministack serves the operation itself now."""


def restore() -> None:
    wrap(ecs, "_reconcile_service_tasks", "16e4d03cbf75", _behind_hooks)
    replace_in_ecs("DescribeServiceDeployments", "63c1f1467a7f", lambda so_far: _changed(so_far, _with_details))
    replace_in_ecs("DescribeServices", "f9e11ac2be56", lambda so_far: _changed(so_far, _with_current))
    if _CONTINUE in ecs._ACTION_MAP:
        raise UpstreamHasIt(_CONTINUE)
    ecs._ACTION_MAP[_CONTINUE] = _continue


def _behind_hooks(original: Any, cluster_name: str, service_key: str) -> None:
    service = ecs._services.get(service_key)
    primary = ecs._primary_deployment(service) if service else None
    configured = _configured(service) if service and service.get("desiredCount", 0) > 0 else []
    if service is None or primary is None or not configured or primary.get("_was_completed"):
        original(cluster_name, service_key)
        return
    if "_waiting" not in primary:
        _begin(cluster_name, service_key, service, primary, configured)
    if all(hook["status"] in ("SUCCEEDED", "CONTINUED") for hook in primary["_waiting"]):
        original(cluster_name, service_key)


def _configured(service: Service) -> list[Hook]:
    if (service.get("deploymentController") or {}).get("type", "ECS") != "ECS":
        return []
    hooks = (service.get("deploymentConfiguration") or {}).get("lifecycleHooks", [])
    return [one for one in hooks if one.get("targetType") == "PAUSE" and _STAGE in one.get("lifecycleStages", [])]


def _begin(
    cluster_name: str, service_key: str, service: Service, primary: Deployment, configured: list[Hook]
) -> None:  # fmt: skip
    # The first deployment of a service is complete at once for the emulator.
    primary.update(rolloutState="IN_PROGRESS", rolloutStateReason=f"ECS deployment {primary['id']} in progress.")
    for earlier in service["deployments"]:
        if earlier is not primary and earlier.get("rolloutState") == "COMPLETED":
            earlier["_was_completed"] = True
    primary["_waiting"] = [_hook(primary, number, one) for number, one in enumerate(configured)]
    account, region = get_account_id(), get_region()

    def announce() -> None:
        with request_scope(account, region):
            for hook in primary["_waiting"]:
                _tell(service, primary, hook, "AWAITING_ACTION")

    after(0, announce)
    for hook in primary["_waiting"]:
        end = functools.partial(_time_out, account, region, cluster_name, service_key, primary, hook)
        clock.Timer(hook["expiresAt"] - clock.now(), lambda end=end: after(0, end)).start()


def _hook(primary: Deployment, number: int, configured: Hook) -> Hook:
    limit = configured.get("timeoutConfiguration") or {}
    name = hashlib.sha256(f"{primary['id']}/{number}".encode()).hexdigest()[:43]
    return {
        "hookId": f"ecs-pause-{name}",
        "targetType": "PAUSE",
        "status": "AWAITING_ACTION",
        "expiresAt": clock.now() + 60 * limit.get("timeoutInMinutes", _DEFAULT_MINUTES),
        "timeoutAction": limit.get("action", "ROLLBACK"),
    }


def _time_out(
    account: str, region: str, cluster_name: str, service_key: str, primary: Deployment, hook: Hook
) -> None:  # fmt: skip
    with request_scope(account, region):
        service = ecs._services.get(service_key)
        if service is None or hook["status"] != "AWAITING_ACTION":
            return
        _tell(service, primary, hook, "TIMED_OUT")
        _act(cluster_name, service_key, service, primary, hook, hook["timeoutAction"], "TIMED_OUT")


def _act(
    cluster_name: str, service_key: str, service: Service, primary: Deployment, hook: Hook, action: str, how: str
) -> None:  # fmt: skip
    if action == "CONTINUE":
        hook["status"] = "CONTINUED" if how == "TIMED_OUT" else "SUCCEEDED"
    else:
        hook["status"] = how
        for other in primary["_waiting"]:
            if other["status"] == "AWAITING_ACTION":
                other["status"] = "FAILED"
        _take_back(service, primary, f"Pause hook {hook['hookId']} {how}.")
    ecs._reconcile_service_tasks(cluster_name, service_key)


def _tell(service: Service, deployment: Deployment, hook: Hook, state: str) -> None:
    arn = service_deployment_arn(service, deployment)
    detail = {
        "eventType": "INFO", "eventName": f"HOOK_{state}", "hookId": hook["hookId"], "hookType": "PAUSE",
        "expiresAt": _instant(hook["expiresAt"]), "lifecycleStage": _STAGE, "clusterArn": service["clusterArn"],
        "serviceArn": service["serviceArn"], "serviceDeploymentArn": arn, "updatedAt": now_iso(),
    }  # fmt: skip
    publish("aws.ecs", "ECS Hook State Change", [arn], detail, get_account_id(), get_region())


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _continue(request: Request) -> Reply:
    try:
        return _continued(request)
    except ApiError as error:
        return error_response_json(error.code, str(error), 400)


def _continued(request: Request) -> Reply:
    asked, action = request.get("serviceDeploymentArn"), request.get("action", "CONTINUE")
    if action not in ("CONTINUE", "ROLLBACK"):
        raise ApiError("InvalidParameterException", f"Unknown action {action}.")
    for service_key, service in list(ecs._services.items()):
        for deployment in service["deployments"]:
            if service_deployment_arn(service, deployment) != asked:
                continue
            hook = next((one for one in deployment.get("_waiting", []) if one["hookId"] == request.get("hookId")), None)
            if hook is None or hook["status"] != "AWAITING_ACTION" or deployment["status"] != "PRIMARY":
                raise ApiError("InvalidParameterException", "The lifecycle hook is not awaiting action.")
            state = "SUCCEEDED" if action == "CONTINUE" else "FAILED"
            _tell(service, deployment, hook, state)
            cluster_name = ecs._cluster_name_from_arn(service["clusterArn"])
            _act(cluster_name, service_key, service, deployment, hook, action, state)
            return json_response({"serviceDeploymentArn": asked})
    raise ApiError("ServiceDeploymentNotFoundException", "Service deployment not found.")


def _changed(so_far: Operation, change: Callable[[dict[str, Any]], None]) -> Operation:
    def operation(request: Request) -> Reply:
        reply = so_far(request)
        status, _, body = reply
        if status != 200:
            return reply
        answer = json.loads(body)
        change(answer)
        return json_response(answer)

    return operation


def _with_details(answer: dict[str, Any]) -> None:
    for told in answer["serviceDeployments"]:
        hooks = _hooks_by_arn().get(told["serviceDeploymentArn"])
        if hooks is None:
            continue
        told["lifecycleHookDetails"] = [
            hook | {"status": "TIMED_OUT" if hook["status"] == "CONTINUED" else hook["status"]} for hook in hooks
        ]
        if any(hook["status"] == "AWAITING_ACTION" for hook in hooks):
            told["lifecycleStage"] = _STAGE


def _hooks_by_arn() -> dict[str, list[Hook]]:
    return {
        service_deployment_arn(service, deployment): deployment["_waiting"]
        for service in list(ecs._services.values())
        for deployment in service.get("_every_deployment", [])
        if "_waiting" in deployment
    }


def _with_current(answer: dict[str, Any]) -> None:
    for told in answer["services"]:
        for service in list(ecs._services.values()):
            primary = ecs._primary_deployment(service)
            is_one = service["serviceArn"] == told["serviceArn"]
            if is_one and primary is not None and primary.get("rolloutState") == "IN_PROGRESS":
                told["currentServiceDeployment"] = service_deployment_arn(service, primary)
