"""A state machine acts under its role: what the role may not do, fails the task.

Covers Lambda functions, optimized and SDK integrations, nested executions, and a distributed
Map's children (states:StartExecution on the machine itself), item reader and result writer.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
"""

import contextvars
import re
from collections.abc import Iterator
from typing import Any

import distributed_map
import ministack.app as ministack_app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions
from service_roles import denial_for_role
from upstream import pinned, wrap

SERVICE = "states.amazonaws.com"

# The role of the execution that runs in this thread; None outside of one.
acting_role: contextvars.ContextVar[str | None] = contextvars.ContextVar("acting_role", default=None)
_sdk_service: contextvars.ContextVar[str | None] = contextvars.ContextVar("sdk_service", default=None)

_OPTIMIZED_ERRORS = {
    "dynamodb": "DynamoDB.AmazonDynamoDBException",
    "ecs": "ECS.AccessDeniedException",
    "events": "EventBridge.AmazonEventBridgeException",
    "sns": "SNS.AmazonSNSException",
    "sqs": "SQS.AmazonSQSException",
    "states": "StepFunctions.AWSStepFunctionsException",
}


def restore() -> None:
    wrap(stepfunctions, "_run_execution", "996dff84e0e0", _run_under_role)
    wrap(stepfunctions, "_call_lambda", "25830369b126", _call_lambda)
    wrap(stepfunctions, "_invoke_aws_sdk_integration", "59a970e1a7c0", _sdk_integration)
    wrap(ministack_app, "call_service_handler_sync", "64e0d7e63500", _call_service)
    wrap(stepfunctions, "_invoke_nested_start_execution", "fc2b83eed27a", _start_nested)
    wrap(stepfunctions, "_invoke_nested_start_execution_sync", "d9f13c4aabed", _start_nested)
    for prefix, handler in stepfunctions._SERVICE_DISPATCH.items():
        stepfunctions._SERVICE_DISPATCH[prefix] = _checked(prefix, handler)
    wrap(stepfunctions, "_s3_object_text", "9351030b6822", _read_object)
    pinned(iam_actions.extract_resource_arn, "82f51700695c")
    distributed_map.steps.may_start = _may_start_children
    distributed_map.steps.may_write = _may_write


def require(action: str, resource: str, error: str) -> None:
    """Fails the running task with `error` when the machine's role does not allow the action."""
    role = acting_role.get()
    if role is None or not ministack_app.AUTH:
        return
    denied = denial_for_role(role, SERVICE, action, resource)
    if denied is not None:
        raise stepfunctions._ExecutionError(error, denied)


def _run_under_role(original: Any, execution_arn: str) -> None:
    execution = stepfunctions._executions.get(execution_arn) or {}
    machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
    token = acting_role.set(machine.get("roleArn"))
    try:
        original(execution_arn)
    finally:
        acting_role.reset(token)


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def _call_lambda(original: Any, function: str, event: Any) -> Any:
    arn = function if function.startswith("arn:") else _arn("lambda", f"function:{function}")
    require("lambda:InvokeFunction", arn, "Lambda.AWSLambdaException")
    return original(function, event)


def _start_nested(original: Any, resource: str, arguments: dict[str, Any]) -> Any:
    machine = arguments.get("StateMachineArn") or arguments.get("stateMachineArn") or "*"
    require("states:StartExecution", machine, _OPTIMIZED_ERRORS["states"])
    return original(resource, arguments)


def _checked(prefix: str, handler: Any) -> Any:
    service, operation = prefix.split(":::")[1].split(":")
    action = f"{service}:{operation[0].upper()}{operation[1:]}"

    def checked(resource: str, arguments: dict[str, Any]) -> Any:
        for target in _targets(service, arguments):
            require(action, target, _OPTIMIZED_ERRORS[service])
        return handler(resource, arguments)

    return checked


def _targets(service: str, arguments: dict[str, Any]) -> Iterator[str]:
    """The ARNs of what an optimized integration works on."""
    if service == "dynamodb":
        yield _arn("dynamodb", f"table/{arguments.get('TableName', '').rsplit('/', 1)[-1]}")
    elif service == "sns":
        yield arguments.get("TopicArn", "*")
    elif service == "sqs":
        account, name = arguments.get("QueueUrl", "").rstrip("/").split("/")[-2:]
        yield f"arn:aws:sqs:{get_region()}:{account}:{name}"
    elif service == "events":
        for entry in arguments.get("Entries", []):
            bus = entry.get("EventBusName", "default")
            yield bus if bus.startswith("arn:") else _arn("events", f"event-bus/{bus}")
    else:
        definition = arguments.get("TaskDefinition", "*")
        yield definition if definition.startswith("arn:") else _arn("ecs", f"task-definition/{definition}")


def _sdk_integration(original: Any, resource: str, arguments: dict[str, Any]) -> Any:
    token = _sdk_service.set(resource.split("aws-sdk:")[1].split(":")[0].lower())
    try:
        return original(resource, arguments)
    finally:
        _sdk_service.reset(token)


def _call_service(
    original: Any, handler: Any, method: str, path: str, headers: dict[str, str], body: Any, query: Any, *rest: Any
) -> Any:
    name = _sdk_service.get()
    if name is not None and acting_role.get() is not None:
        service = stepfunctions._AWS_SDK_SERVICE_MAP[name].get("service_key", name)
        prefix = stepfunctions._AWS_SDK_ERROR_PREFIX.get(name, name.capitalize())
        raw = body.encode() if isinstance(body, str) else body or b""
        for action, resource in _checks(service, method, path, headers, raw, query or {}):
            require(action, resource, f"{prefix}.{prefix}Exception")
    return original(handler, method, path, headers, body, query, *rest)


def _checks(
    service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """The (action, resource) pairs that the front door would check for this request."""
    region, account = get_region(), get_account_id()
    params = ministack_app._routing_params(method, path, headers, body, query)
    action = iam_actions.extract_iam_action(service, method, path, headers, body, params)
    if action is None:
        return
    transaction = iam_actions.dynamodb_transaction_checks(action, body, region, account) if service == "dynamodb" else []
    if transaction:
        yield from transaction
        return
    if service == "dynamodb":
        tables = iam_actions.dynamodb_resource_arns(body, region, account)
        yield from ((action, table) for table in tables or ["*"])
        return
    yield action, iam_actions.extract_resource_arn(service, method, path, headers, body, params, region, account)


def _read_object(original: Any, bucket: str, key: str) -> str:
    require("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", "States.ItemReaderFailed")
    return original(bucket, key)


def _may_start_children(run: distributed_map.MapRun) -> None:
    machine = re.sub(r"(:stateMachine:[^/:]+).*", r"\1", run.parent["stateMachineArn"])
    require("states:StartExecution", machine, "States.Permissions")


def _may_write(bucket: str, key: str) -> None:
    require("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", "States.ResultWriterFailed")
