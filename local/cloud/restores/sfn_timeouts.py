"""Time-outs of Step Functions: of an execution, of a heartbeat, and of a token that is answered too late.

An execution longer than the machine's `TimeoutSeconds` ends TIMED_OUT. An execution that timed out
or was stopped starts no further state, retry or child execution, and its children are ABORTED.
A task whose heartbeats stay out for `HeartbeatSeconds` fails with States.HeartbeatTimeout, which
States.Timeout catches too. Both numbers may be JSONata expressions. An answer to a task that has
ended is refused with TaskTimedOut.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
"""

import contextvars
import json
import threading
import time
from collections import OrderedDict
from typing import Any

import clock
from distributed_map import abort_children
from executions import current
from ministack.core.responses import error_response_json, now_iso
from ministack.services import stepfunctions
from rewrite import rewrite
from upstream import wrap

# So late at most is seen that an execution was stopped: hundreds may wait, each in a thread.
_LOOK_SECONDS = 0.25
_MOST_REMEMBERED_TOKENS = 10_000

_ANSWERS = {
    "_send_task_success": "12eff48bce57",
    "_send_task_failure": "c2a489b4ed33",
    "_send_task_heartbeat": "56879a4655d1",
}

_ended_tokens: OrderedDict[str, None] = OrderedDict()


def restore() -> None:
    stepfunctions._patchwave_seconds = _seconds
    stepfunctions._patchwave_wait = _wait_for_answer
    wrap(stepfunctions, "_run_execution", "996dff84e0e0", _run_within_limit)
    wrap(stepfunctions, "_fail_execution", "e6da895fa0b7", _fail_if_running)
    wrap(stepfunctions, "_stop_execution", "44d2d84ccd5c", _stop)
    wrap(stepfunctions, "_error_matches", "519b9dc729c5", _matches)
    wrap(stepfunctions, "_send_task_heartbeat", "56879a4655d1", _heartbeat)
    for name, pin in _ANSWERS.items():
        wrap(stepfunctions, name, pin, _refuse_ended_tokens)
    _stop_states_of_ended_executions()
    _wait_by_the_states_limits()


def _run_within_limit(original: Any, execution_arn: str) -> None:
    execution = stepfunctions._executions.get(execution_arn)
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) if execution else None
    limit = _limit_of(machine["definition"]) if machine else None
    if limit is None:
        original(execution_arn)
        return
    context = contextvars.copy_context()
    timer = clock.Timer(limit, lambda: context.run(_time_out, execution))
    timer.start()
    try:
        original(execution_arn)
    finally:
        timer.cancel()


def _limit_of(definition: str) -> float | None:
    try:
        limit = json.loads(definition).get("TimeoutSeconds")
    except ValueError:
        return None
    return None if limit is None else float(limit)


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", stopDate=now_iso(), error="States.Timeout", cause="")
    stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
    stepfunctions._emit_execution_status_event(execution)
    abort_children(execution["executionArn"])


def _stop(original: Any, request: dict[str, Any]) -> Any:
    reply = original(request)
    if reply[0] == 200:
        abort_children(request["executionArn"])
    return reply


def _fail_if_running(original: Any, execution: dict[str, Any], error: str, cause: str) -> None:
    # A state that was still busy when its execution was stopped or timed out changes nothing any more.
    if execution["status"] == "RUNNING":
        original(execution, error, cause)


def _stop_states_of_ended_executions() -> None:
    rewrite(
        stepfunctions,
        "_run_sub_machine",
        (
            "    while current_name:\n",
            "    while current_name:\n"
            '        if execution["status"] != "RUNNING":\n'
            '            raise _ExecutionError("States.Runtime", "The execution has ended")\n',
        ),
    )
    rewrite(
        stepfunctions,
        "_execute_task",
        (
            "        # Each attempt sees its own $$.State.RetryCount.\n",
            '        if execution["status"] != "RUNNING":\n'
            '            raise _ExecutionError("States.Runtime", "The execution has ended")\n'
            "        # Each attempt sees its own $$.State.RetryCount.\n",
        ),
    )


def _matches(original: Any, error_equals: list[str], error: str) -> bool:
    if error == "States.HeartbeatTimeout" and "States.Timeout" in error_equals:
        return True
    return original(error_equals, error)


def _heartbeat(original: Any, request: dict[str, Any]) -> Any:
    token = stepfunctions._task_tokens.get(request.get("taskToken"))
    if token is not None:
        token["beat_at"] = time.monotonic()
    return original(request)


def _wait_by_the_states_limits() -> None:
    rewrite(
        stepfunctions,
        "_invoke_with_callback",
        (
            '    timeout = state_def.get("TimeoutSeconds", 99999)\n    if not evt.wait(timeout=timeout):\n',
            "    if not _patchwave_wait(token, evt, state_def):\n",
        ),
    )
    # The limits of a state are evaluated where its arguments are, with the same input and variables.
    rewrite(
        stepfunctions,
        "_execute_task",
        (
            "            if is_callback:\n                task_result",
            "            limits = _patchwave_seconds(state_def, raw_input, ctx)\n"
            "            if is_callback:\n                task_result",
        ),
        ('resource, effective, ctx["Task"]["Token"], state_def)', 'resource, effective, ctx["Task"]["Token"], limits)'),
        ('resource, effective, state_def["TimeoutSeconds"])', 'resource, effective, limits["TimeoutSeconds"])'),
        ('"TimeoutSeconds" in state_def and', '"TimeoutSeconds" in limits and'),
    )


def _seconds(state: dict[str, Any], raw_input: Any, context: dict[str, Any]) -> dict[str, float]:
    """The state's TimeoutSeconds and HeartbeatSeconds, whichever way they are given."""
    limits: dict[str, float] = {}
    for field in ("TimeoutSeconds", "HeartbeatSeconds"):
        if field in state and stepfunctions._state_query_language(state, context) == "JSONata":
            limits[field] = stepfunctions._jsonata_state_field(state, field, "number", raw_input, context)
        elif field in state:
            limits[field] = state[field]
        elif f"{field}Path" in state:
            limits[field] = stepfunctions._resolve_path_or_ctx(state[f"{field}Path"], raw_input, context)
    return limits


def _wait_for_answer(token: str, answered: threading.Event, limits: dict[str, float]) -> bool:
    """Waits for the answer to a token; False after TimeoutSeconds, an error after a missed heartbeat."""
    began = time.monotonic()
    record = stepfunctions._task_tokens[token]
    heartbeat, timeout = limits.get("HeartbeatSeconds"), limits.get("TimeoutSeconds")
    execution = current.get()
    try:
        while not answered.wait(_until_next_look(began, record, timeout, heartbeat)):
            if execution is not None and execution["status"] != "RUNNING":
                stepfunctions._task_tokens.pop(token, None)
                raise stepfunctions._ExecutionError("States.Runtime", "The execution has ended")
            now = time.monotonic()
            if timeout is not None and now - began > timeout:
                return False
            if heartbeat is not None and now - record.get("beat_at", began) > heartbeat:
                stepfunctions._task_tokens.pop(token, None)
                raise stepfunctions._ExecutionError("States.HeartbeatTimeout", f"No heartbeat for {heartbeat} seconds")
        return True
    finally:
        _ended_tokens[token] = None
        if len(_ended_tokens) > _MOST_REMEMBERED_TOKENS:
            _ended_tokens.popitem(last=False)


def _until_next_look(began: float, record: dict[str, Any], timeout: float | None, heartbeat: float | None) -> float:
    now = time.monotonic()
    dues = [began + timeout] if timeout is not None else []
    dues += [record.get("beat_at", began) + heartbeat] if heartbeat is not None else []
    # A moment more: what is due now is not over yet.
    return min([_LOOK_SECONDS, *(max(due - now, 0) + 0.001 for due in dues)])


def _refuse_ended_tokens(original: Any, request: dict[str, Any]) -> Any:
    token = request.get("taskToken")
    if token in _ended_tokens and token not in stepfunctions._task_tokens:
        message = "Task Timed Out: 'Provided task does not exist anymore'"
        return error_response_json("TaskTimedOut", message, 400)
    return original(request)
