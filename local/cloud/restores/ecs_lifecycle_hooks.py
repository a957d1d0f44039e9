"""ECS calls the Lambda hooks of a service at PRE_SCALE_UP, and starts a task of the revision only once they succeed.

A hook is called under its role. Any answer but SUCCEEDED and IN_PROGRESS, and a call that fails, takes the deployment back
to the last one that was completed; without one, no task ever starts. Only services of the ECS controller with another strategy
than a rolling update have hooks here, and this stage alone.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-permissions.html
"""

import contextvars
import json
import threading
import time
from typing import Any

import ministack.app as ministack_app
from background import after
from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso, request_scope
from ministack.services import ecs, lambda_svc
from restores.ecs_service_deployments import service_deployment_arn
from restores.ecs_service_revisions import revision_arn
from service_roles import denial_for_role
from upstream import wrap

Service = dict[str, Any]
Deployment = dict[str, Any]

_STAGE = "PRE_SCALE_UP"
_DELAY_SECONDS = 30


def restore() -> None:
    wrap(ecs, "_reconcile_service_tasks", "16e4d03cbf75", _behind_hooks)


def _behind_hooks(original: Any, cluster_name: str, service_key: str) -> None:
    service = ecs._services.get(service_key)
    primary = ecs._primary_deployment(service) if service else None
    hooks = _hooks(service) if service and service.get("desiredCount", 0) > 0 else []
    if service is None or primary is None or not hooks or _has_passed(primary):
        original(cluster_name, service_key)
        return
    if "_hooks" in primary:
        return
    primary["_hooks"] = "IN_PROGRESS"
    # The first deployment of a service is complete at once for the emulator.
    primary.update(rolloutState="IN_PROGRESS", rolloutStateReason=f"ECS deployment {primary['id']} in progress.")
    account, region = get_account_id(), get_region()

    def call() -> None:
        failure = next((text for hook in hooks if (text := _failure(hook, service, primary)) is not None), None)

        def end() -> None:
            with request_scope(account, region):
                primary["_hooks"] = "SUCCEEDED" if failure is None else "FAILED"
                if failure is not None:
                    _take_back(service, primary, failure)
                ecs._reconcile_service_tasks(cluster_name, service_key)

        after(0, end)

    threading.Thread(target=contextvars.copy_context().run, args=(call,), daemon=True).start()


def _hooks(service: Service) -> list[dict[str, Any]]:
    configuration = service.get("deploymentConfiguration") or {}
    controller = (service.get("deploymentController") or {}).get("type", "ECS")
    if controller != "ECS" or configuration.get("strategy", "ROLLING") == "ROLLING":
        return []
    return [
        hook
        for hook in configuration.get("lifecycleHooks", [])
        if hook.get("targetType", "AWS_LAMBDA") == "AWS_LAMBDA" and _STAGE in hook.get("lifecycleStages", [])
    ]


def _has_passed(deployment: Deployment) -> bool:
    return deployment.get("_hooks") == "SUCCEEDED" or deployment.get("_was_completed", False)


def _failure(hook: dict[str, Any], service: Service, deployment: Deployment) -> str | None:
    """Why the hook does not let the deployment go on; None if it does."""
    target, role = hook["hookTargetArn"], hook["roleArn"]
    if ministack_app.AUTH and (denied := denial_for_role(role, "ecs.amazonaws.com", "lambda:InvokeFunction", target)):
        return f"ECS was unable to invoke hook target {target} due to {denied}"
    function, config, _ = lambda_svc._get_func_record_for_ref(target)
    if not function or not config:
        return f"ECS was unable to invoke hook target {target}: it does not exist"
    record = lambda_svc._execution_record_for_config(function, {**config, "FunctionArn": target})
    event = _event(service, deployment)
    while True:
        result = lambda_svc._execute_function(record, event)
        answer = _json(result.get("body"))
        status = None if result.get("error") or not isinstance(answer, dict) else answer.get("hookStatus")
        if status == "IN_PROGRESS":
            time.sleep(float(answer.get("callBackDelay", _DELAY_SECONDS)))
        elif status == "SUCCEEDED":
            return None
        else:
            return f"Lifecycle hook target {target} returned {status or 'no hookStatus'}."


def _json(body: Any) -> Any:
    if not isinstance(body, str | bytes):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return None


def _event(service: Service, deployment: Deployment) -> dict[str, Any]:
    return {
        "executionId": new_uuid(),
        "lifecycleStage": _STAGE,
        "resourceArn": service_deployment_arn(service, deployment),
        "executionDetails": {
            "serviceArn": service["serviceArn"],
            "targetServiceRevisionArn": revision_arn(service, deployment),
            "testTrafficWeights": {},
            "productionTrafficWeights": {},
        },
    }


def _take_back(service: Service, deployment: Deployment, failure: str) -> None:
    reason = f"Service deployment rolled back because {_STAGE} lifecycle hook(s) failed. {failure}"
    deployment.update(rolloutState="FAILED", rolloutStateReason=reason, updatedAt=now_iso(), desiredCount=0)
    before = next((each for each in service["deployments"] if each is not deployment and _has_passed(each)), None)
    if before is None:
        return
    deployment["status"], before["status"] = "ACTIVE", "PRIMARY"
    before["updatedAt"] = now_iso()
    service["taskDefinition"] = before["taskDefinition"]
