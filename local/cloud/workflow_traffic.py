"""Sees what state machines call, which goes to the services inside the process, and not through the front door."""

import json
import time
import uuid
from typing import Any

import calls
import faults
import ministack.app as ministack_app
from calls import Call
from faults import CallFate
from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions
from restores.sfn_roles import acting_role
from traffic import Reply, call_of, failed_reply, throttled_reply
from upstream import wrap


def watch_workflows() -> None:
    """Puts the watch around the SDK integrations and the invocations of functions of Step Functions."""
    wrap(ministack_app, "call_service_handler_sync", "64e0d7e63500", _call_service)
    wrap(stepfunctions, "_call_lambda", "25830369b126", _call_lambda)


def _call_service(
    original: Any, handler: Any, method: str, path: str, headers: dict[str, str], body: Any, query: Any, *rest: Any
) -> Reply:
    role = acting_role.get()
    if role is None:
        return original(handler, method, path, headers, body, query, *rest)
    raw = body.encode() if isinstance(body, str) else body or b""
    call = call_of(method, path, headers, raw, query or {}, role.rpartition("/")[2])
    fate, request_id = _fate(call, path.encode() + b" " + raw), str(uuid.uuid4())
    if fate.throttle:
        return throttled_reply(call.service, headers, request_id, fate.variant)
    if fate.fail and not fate.after:
        return failed_reply(call.service, headers, request_id)
    reply = original(handler, method, path, headers, body, query, *rest)
    return failed_reply(call.service, headers, request_id) if fate.fail else reply


def _call_lambda(original: Any, function: str, event: Any) -> Any:
    role = acting_role.get()
    if role is None:
        return original(function, event)
    call = Call(get_account_id(), get_region(), "lambda", "InvokeFunction", role.rpartition("/")[2])
    fate = _fate(call, f"{function} {json.dumps(event, sort_keys=True, default=str)}".encode())
    failure = stepfunctions._ExecutionError("Lambda.ServiceException", "The service failed inside.")
    if fate.throttle:
        raise stepfunctions._ExecutionError("Lambda.TooManyRequestsException", "Rate Exceeded.")
    if fate.fail and not fate.after:
        raise failure
    answer = original(function, event)
    if fate.fail:
        raise failure
    return answer


def _fate(call: Call, body: bytes) -> CallFate:
    """Counts the call, waits its delay, and tells what happens to it. The thread is that of one execution."""
    plan = faults.current
    fate = plan.fate_of_call(call, body) if plan else CallFate()
    time.sleep(fate.delay_seconds)
    calls.record(call, throttled=fate.throttle, failed=fate.fail)
    return fate
