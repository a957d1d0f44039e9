"""An asynchronous invocation of an alias has the retries and the destination of that alias, and sends there with the role.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from typing import Any

import ministack.app as ministack_app
from ministack.services import lambda_svc
from service_roles import denial_for_role
from upstream import wrap

SERVICE = "lambda.amazonaws.com"


def restore() -> None:
    wrap(lambda_svc, "invoke_async_with_retry", "289fe4d3cbd4", _with_config_of_alias)
    wrap(lambda_svc, "_route_async_failure", "c023331e333f", _with_role)


def _with_config_of_alias(original: Any, record: dict[str, Any], event: dict[str, Any]) -> None:
    # arn:<partition>:lambda:<region>:<account>:function:<name>[:<qualifier>]
    _, _, _, _, _, _, name, *qualifier = record["config"]["FunctionArn"].split(":")
    configured = lambda_svc._event_invoke_config(lambda_svc._functions.get(name) or {}, *(qualifier or [None]))
    original({**record, "event_invoke_config": configured, "event_invoke_configs": {}}, event)


def _with_role(original: Any, destination: str, name: str, event: dict[str, Any], result: dict[str, Any]) -> None:
    role = (lambda_svc._functions.get(name) or {}).get("config", {}).get("Role")
    action = f"{destination.split(':')[2]}:{'SendMessage' if ':sqs:' in destination else 'Publish'}"
    if role and ministack_app.AUTH and denial_for_role(role, SERVICE, action, destination) is not None:
        return
    original(destination, name, event, result)
