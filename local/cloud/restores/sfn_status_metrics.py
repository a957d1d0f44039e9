"""Step Functions tells CloudWatch of each execution of a standard machine that starts, succeeds, fails, times out or is aborted.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from typing import Any

from ministack.services import cloudwatch, stepfunctions
from upstream import pinned

_METRICS = {
    "RUNNING": "ExecutionsStarted", "SUCCEEDED": "ExecutionsSucceeded", "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted",
}  # fmt: skip


def restore() -> None:
    pinned(cloudwatch.record_metric, "7f777bfbe523")
    # Every change of an execution's status passes here; the restore of the events pins what EventBridge receives.
    tell = stepfunctions._emit_execution_status_event

    def tell_and_measure(execution: dict[str, Any]) -> None:
        _measure(execution)
        tell(execution)

    stepfunctions._emit_execution_status_event = tell_and_measure


def _measure(execution: dict[str, Any]) -> None:
    # Executions that were started synchronously are express ones, which have other metrics.
    metric = None if execution.get("sync") else _METRICS.get(execution["status"])
    if metric:
        cloudwatch.record_metric("AWS/States", metric, 1, "Count", {"StateMachineArn": execution["stateMachineArn"]})
