"""StartExecution with the name and the input of a running execution answers with that execution.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from typing import Any

from ministack.core.responses import json_response
from ministack.services import stepfunctions
from upstream import wrap


def restore() -> None:
    wrap(stepfunctions, "_start_execution", "9923282fc76c", _start)


def _start(original: Any, request: dict[str, Any]) -> Any:
    machine = stepfunctions._resolve_state_machine_arn(request.get("stateMachineArn", ""))
    if machine and request.get("name"):
        arn = f"{machine.replace(':stateMachine:', ':execution:', 1)}:{request['name']}"
        running = stepfunctions._executions.get(arn)
        if running and running["status"] == "RUNNING" and running["input"] == request.get("input", "{}"):
            return json_response({"executionArn": arn, "startDate": running["startDate"]})
    return original(request)
