"""Step Functions tells EventBridge of every status of an execution, as best it can: such events may get lost or doubled.

An execution that failed, timed out or was aborted can be redriven; no reason is given then.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
"""

from typing import Any

from events import publish
from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions
from upstream import pinned

_REDRIVABLE = ("FAILED", "TIMED_OUT", "ABORTED")
_MOST_BYTES = 248 * 1024


def restore() -> None:
    pinned(stepfunctions._emit_execution_status_event, "9c89e45693e3")
    stepfunctions._emit_execution_status_event = _tell


def _tell(execution: dict[str, Any]) -> None:
    # Synchronous executions are express ones, which send no events.
    if execution.get("sync"):
        return
    kind, arn = "Step Functions Execution Status Change", execution["executionArn"]
    publish("aws.states", kind, [arn], _detail(execution), get_account_id(), get_region())


def _detail(execution: dict[str, Any]) -> dict[str, Any]:
    status = execution["status"]
    can_be_redriven = status in _REDRIVABLE
    given, made = execution.get("input") or "", (execution.get("output") or "") if status == "SUCCEEDED" else ""
    output_fits = len(made) <= _MOST_BYTES
    input_fits = len(given) + (len(made) if output_fits else 0) <= _MOST_BYTES
    says_why = status in ("FAILED", "ABORTED")
    return {
        "executionArn": execution["executionArn"], "stateMachineArn": execution["stateMachineArn"],
        "name": execution["name"], "status": status,
        "startDate": stepfunctions._iso_to_epoch_ms(execution.get("startDate")),
        "stopDate": stepfunctions._iso_to_epoch_ms(execution.get("stopDate")),
        "input": given if input_fits else None, "inputDetails": {"included": input_fits},
        "output": made if made and output_fits else None,
        "outputDetails": {"included": output_fits} if status == "SUCCEEDED" else None,
        "stateMachineVersionArn": None, "stateMachineAliasArn": None, "redriveCount": 0, "redriveDate": None,
        "redriveStatus": "REDRIVABLE" if can_be_redriven else "NOT_REDRIVABLE",
        "redriveStatusReason": None if can_be_redriven else f"Execution is {status} and cannot be redriven",
        "error": (execution.get("error") or None) if says_why else None,
        "cause": (execution.get("cause") or None) if says_why else None,
    }  # fmt: skip
