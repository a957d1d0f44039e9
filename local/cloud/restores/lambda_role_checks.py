"""Lambda checks the role of a function when it makes or changes the function.

With active tracing the role may send traces to X-Ray, and in a VPC it may make network interfaces; a role that may
not is refused before the function exists. So a template grants these rights before the function, and not beside it.

https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
"""

from typing import Any

import ministack.app as ministack_app
from ministack.core.responses import error_response_json
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners
from operations import Reply
from service_roles import denial_for_role
from upstream import wrap

_SERVICE = "lambda.amazonaws.com"


def restore() -> None:
    wrap(lambda_svc, "_create_function", "e307eecdf0d8", _create_function)
    wrap(lambda_svc, "_update_config", "6999cb0695da", _update_config)
    wrap(provisioners, "_lambda_create", "8b2cf80e961d", _create_from_template)
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"] = provisioners._lambda_create


def _refusal(config: dict[str, Any]) -> str | None:
    """What Lambda says of a function whose role lacks a right, or None."""
    role = config.get("Role", "")
    if not ministack_app.AUTH or not role:
        return None
    traces = (config.get("TracingConfig") or {}).get("Mode") == "Active"
    if traces and denial_for_role(role, _SERVICE, "xray:PutTraceSegments", "*"):
        return "The provided execution role does not have permissions to call PutTraceSegments on XRAY"
    in_vpc = bool((config.get("VpcConfig") or {}).get("SubnetIds"))
    if in_vpc and denial_for_role(role, _SERVICE, "ec2:CreateNetworkInterface", "*"):
        return "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"
    return None


def _answer(message: str) -> Reply:
    return error_response_json("InvalidParameterValueException", message, 400)


def _create_function(original: Any, data: dict[str, Any]) -> Reply:
    refused = _refusal(data)
    reply: Reply = _answer(refused) if refused else original(data)
    return reply


def _update_config(original: Any, name: str, data: dict[str, Any]) -> Reply:
    function = lambda_svc._functions.get(name)
    refused = function and _refusal({**function["config"], **data})
    reply: Reply = _answer(refused) if refused else original(name, data)
    return reply


def _create_from_template(
    original: Any, logical_id: str, properties: dict[str, Any], stack: str
) -> tuple[str, dict[str, Any]]:
    refused = _refusal(properties)
    if refused:
        raise ValueError(refused)
    made: tuple[str, dict[str, Any]] = original(logical_id, properties, stack)
    return made
