"""A failed execution has an error and a cause, and no output.

A parent that waits for a nested execution sees States.TaskFailed, with the description of the
failed child as JSON in the cause.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

import json
from typing import Any

from ministack.services import stepfunctions
from rewrite import rewrite
from upstream import pinned


def restore() -> None:
    rewrite(
        stepfunctions,
        "_fail_execution",
        ('    execution["output"] = json.dumps({"Error": error, "Cause": cause})\n', ""),
    )
    pinned(stepfunctions._nested_execution_failure, "aa53a760707b")
    stepfunctions._nested_execution_failure = _nested_failure


def _nested_failure(child: dict[str, Any]) -> tuple[str, str]:
    """Error and cause of a task whose nested execution, described by the payload, did not succeed."""
    names = {"executionArn": "ExecutionArn", "input": "Input", "name": "Name", "stateMachineArn": "StateMachineArn"}
    names |= {"status": "Status", "error": "Error", "cause": "Cause", "startDate": "StartDate", "stopDate": "StopDate"}
    return "States.TaskFailed", json.dumps({names[key]: value for key, value in child.items() if key in names})
