"""A deployment of a service takes a moment, tells EventBridge how it goes, and fails or is rolled back when tasks fail.

It stays IN_PROGRESS while old and new tasks run side by side. New tasks that fail (`POST services`) are
started again, later each time; with a circuit breaker the deployment becomes FAILED, and with rollback the
last completed one PRIMARY again. Only services of the ECS controller are deployed to by UpdateService. A
service that is created is steady at once, which no caller here waits for.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
"""

from typing import Any

from background import after
from deployments import settings
from ecs_tasks import Task, on_task_start, only
from events import publish
from ministack.core.responses import get_account_id, get_region, json_response, now_iso, request_scope
from ministack.services import ecs
from operations import ApiError, Operation, Reply, Request, replace_in_ecs
from rewrite import rewrite
from upstream import wrap

Service = dict[str, Any]
Deployment = dict[str, Any]

_LONGEST_RESTART_SECONDS = 5.0
_NOT_DEPLOYED_TO = "Cannot deploy to services with a {0} deployment controller by UpdateService."


def restore() -> None:
    wrap(ecs, "_complete_service_deployment", "4472ae6823d0", _complete_later)
    wrap(ecs, "_record_service_task_failure", "1f0fff5d229f", _record_failure)
    replace_in_ecs("UpdateService", "bde69c11b50d", _updating)
    # What ran before stays when what should replace it failed.
    rewrite(
        ecs,
        "_reconcile_service_tasks",
        (
            'drain_stale = not primary or primary.get("rolloutState") != "IN_PROGRESS"',
            'drain_stale = not primary or primary.get("rolloutState") == "COMPLETED"',
        ),
    )
    on_task_start(prepare=_keep_unstable, observe=_let_fail)


def _updating(so_far: Operation) -> Operation:
    def operation(request: Request) -> Reply:
        service = _service_of(request)
        if service is not None:
            _require_deployable(service, request)
        before = _primary(service)
        reply = so_far(request)
        primary = _primary(service)
        if reply[0] != 200 or service is None or primary is None or primary is before:
            return reply
        failed = [each for each in service["deployments"] if each["status"] != "PRIMARY" and _state(each) == "FAILED"]
        service["deployments"] = [each for each in service["deployments"] if each not in failed]
        _enter(service, primary, "IN_PROGRESS", f"ECS deployment {primary['id']} in progress.")
        return json_response({"service": ecs._sanitize(service)})

    return operation


def _service_of(request: Request) -> Service | None:
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    reference = ecs._resolve_service_ref(request.get("service", ""))
    return ecs._services.get(f"{cluster}/{reference[0]}") if cluster and reference else None


def _require_deployable(service: Service, request: Request) -> None:
    if service["status"] != "ACTIVE":
        raise ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
    controller = (service.get("deploymentController") or {}).get("type", "ECS")
    if controller != "ECS" and (request.get("forceNewDeployment") or "taskDefinition" in request):
        raise ApiError("InvalidParameterException", _NOT_DEPLOYED_TO.format(controller))


def _complete_later(
    original: Any, cluster_name: str, service_key: str, expected_deployment_id: str | None = None
) -> None:
    service = ecs._services.get(service_key)
    primary = _primary(service)
    if service is None or primary is None or _state(primary) != "IN_PROGRESS" or primary.get("_is_completing"):
        return
    primary["_is_completing"] = True
    account, region = get_account_id(), get_region()

    def complete() -> None:
        primary.pop("_is_completing", None)
        with request_scope(account, region), only(service["clusterArn"], f"service:{service['serviceName']}"):
            original(cluster_name, service_key, expected_deployment_id=primary["id"])
            if _state(primary) == "COMPLETED":
                _enter(service, primary, "COMPLETED", f"ECS deployment {primary['id']} completed.")

    after(settings.deployment_seconds, complete)


def _record_failure(original: Any, task: Task, digest_resolution_failed: bool = False) -> None:
    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    service = ecs._services.get(f"{cluster}/{task.get('group', '').partition(':')[2]}")
    deployment = ecs._deployment_for_task(service, task) if service else None
    if service is None or deployment is None:
        original(task, digest_resolution_failed)
        return
    before, counted = _state(deployment), deployment["failedTasks"]
    deployment["_failures"] = deployment.get("_failures", 0) + 1
    original(task, digest_resolution_failed)
    if before == "IN_PROGRESS" == _state(deployment) and deployment["failedTasks"] == counted:
        # Counted without a circuit breaker too, where nothing comes of it.
        deployment["failedTasks"] += 1
    if before == "IN_PROGRESS" and _state(deployment) == "FAILED":
        _enter(service, deployment, "FAILED", "ECS deployment circuit breaker: tasks failed to start.")
        primary = _primary(service)
        if primary is not None and primary is not deployment:
            reason = f"ECS deployment circuit breaker: rolling back to deploymentId {primary['id']}."
            _enter(service, primary, "IN_PROGRESS", reason)


def _keep_unstable(tasks: list[Task], request: Request) -> None:
    if _fails(request):
        for task in tasks:
            task["_startup_stable"] = False


def _let_fail(tasks: list[Task], request: Request) -> None:
    if not _fails(request):
        return
    account, region = get_account_id(), get_region()

    def fail(task: Task) -> None:
        with request_scope(account, region):
            reason = "Essential container in task exited"
            ecs._mark_task_stopped(task["taskArn"], task, reason, "EssentialContainerExited", exit_code=1)

    for task in tasks:
        service = ecs._services.get(_key(request)) or {}
        deployment = ecs._deployment_for_task(service, task) or {}
        delay = settings.deployment_seconds / 2 * 2 ** min(deployment.get("_failures", 0), 10)
        after(min(delay, _LONGEST_RESTART_SECONDS), lambda task=task: fail(task))


def _fails(request: Request) -> bool:
    spared = settings.spared.get((get_account_id(), get_region(), _key(request)))
    return spared is not None and request.get("_deploymentId") not in spared


def _key(request: Request) -> str:
    return f"{ecs._resolve_cluster_name(request.get('cluster', 'default'))}/{request.get('group', '').partition(':')[2]}"


def _primary(service: Service | None) -> Deployment | None:
    return ecs._primary_deployment(service) if service else None


def _state(deployment: Deployment) -> str:
    return deployment["rolloutState"]


def _enter(service: Service, deployment: Deployment, state: str, reason: str) -> None:
    """Moves the deployment to the state, and sends the event."""
    deployment.update(rolloutState=state, rolloutStateReason=reason, updatedAt=now_iso())
    deployment["_was_completed"] = deployment.get("_was_completed", False) or state == "COMPLETED"
    detail = {
        "eventType": "ERROR" if state == "FAILED" else "INFO", "eventName": f"SERVICE_DEPLOYMENT_{state}",
        "deploymentId": deployment["id"], "updatedAt": deployment["updatedAt"], "reason": reason,
    }  # fmt: skip
    kind = "ECS Deployment State Change"
    publish("aws.ecs", kind, [service["serviceArn"]], detail, get_account_id(), get_region())
