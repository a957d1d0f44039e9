"""A task token belongs to one attempt at one step of one execution, and is worth nothing once that is over.

What is no token is refused with InvalidToken, one that was never given with TaskDoesNotExist; one whose step
was answered, or whose execution was stopped, with TaskTimedOut. An answer is authorized on the state
machine. A step whose execution has ended waits no longer, in children of a distributed Map too.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
"""

import json
import re
from collections import OrderedDict
from typing import Any

from executions import Execution, current, machine_arn_of
from ministack.core import iam_actions
from ministack.core.responses import error_response_json
from ministack.services import stepfunctions
from rewrite import rewrite
from upstream import wrap

_ANSWERS = {
    "_send_task_success": "12eff48bce57",
    "_send_task_failure": "c2a489b4ed33",
    "_send_task_heartbeat": "56879a4655d1",
}
_OPERATIONS = ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat")
_TOKEN = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_MOST_REMEMBERED = 10_000

_owners: OrderedDict[str, Execution] = OrderedDict()


def restore() -> None:
    wrap(stepfunctions, "_execute_task", "53c818d247db", _execute)
    wrap(stepfunctions, "_invoke_with_callback", "bbb38423156a", _remember)
    count = '        ctx["State"]["RetryCount"] = sum(retry_counts.values())\n'
    token = '        if is_callback:\n            ctx["Task"] = {"Token": new_uuid()}\n'
    rewrite(stepfunctions, "_execute_task", (count, f"{count}{token}"))
    wrap(iam_actions, "extract_resource_arn", "82f51700695c", _resource)
    for name, pin in _ANSWERS.items():
        wrap(stepfunctions, name, pin, _answer)


def _execute(original: Any, state: Any, raw_input: Any, execution: Execution, context: Any) -> Any:
    before = current.set(execution)
    try:
        return original(state, raw_input, execution, context)
    finally:
        current.reset(before)


def _remember(original: Any, resource: str, arguments: Any, token: str, state: Any) -> Any:
    execution = current.get()
    if execution is not None:
        _owners[token] = execution
        if len(_owners) > _MOST_REMEMBERED:
            _owners.popitem(last=False)
    return original(resource, arguments, token, state)


def _answer(original: Any, request: dict[str, Any]) -> Any:
    token = str(request.get("taskToken", ""))
    if not _TOKEN.fullmatch(token):
        return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
    if not _is_json(request.get("output", "{}")):
        return error_response_json("InvalidOutput", "Invalid Output: the output is no JSON", 400)
    owner, waiting = _owners.get(token), stepfunctions._task_tokens.get(token)
    is_over = owner is not None and (waiting is None or owner["status"] != "RUNNING")
    if is_over or (waiting is not None and waiting["event"].is_set()):
        return error_response_json("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400)
    return original(request)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _resource(
    original: Any, service: str, method: str, path: str, headers: dict[str, str], body: bytes,
    query: dict[str, Any], region: str, account: str,
) -> str:  # fmt: skip
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "states" and operation in _OPERATIONS:
        owner = _owners.get(json.loads(body or b"{}").get("taskToken", ""))
        return machine_arn_of(owner) if owner else "*"
    return original(service, method, path, headers, body, query, region, account)
