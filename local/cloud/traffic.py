"""Sees every request to a service: counts it and lets the faults that are set act on it."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import calls
import faults
import ministack.app as ministack_app
from calls import Call, caller_of, principal_of
from ministack.core.iam_actions import access_denied_response, extract_iam_action
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import detect_service, extract_access_key_id
from upstream import pinned
from worker_kills import kill_environments

Reply = tuple[int, dict[str, str], Any]

# DynamoDB throttles in two ways; a client has to know both.
_THROTTLED_TABLE = ("ThrottlingException", "ProvisionedThroughputExceededException")
_THROTTLE_CODES = {"s3": "SlowDown", "lambda": "TooManyRequestsException"}
_THROTTLE_STATUS = {"s3": 503, "lambda": 429}
_QUERY_PROTOCOL = frozenset({"sts", "iam", "cloudformation", "sns", "ec2", "rds", "elasticloadbalancing"})
_FAILURE_CODES = {"s3": "InternalError", "dynamodb": "InternalServerError", "ecr": "ServerException",
                  "ecs": "ServerException", "lambda": "ServiceException"}  # fmt: skip


def watch_traffic() -> None:
    """Puts the watch around ministack's dispatch of AWS calls and of the registry's own API."""
    dispatch = pinned(ministack_app._dispatch_service_request, "17e5ef6dcfa0")
    registry = pinned(ministack_app._handle_ecr_registry_request, "2b170ee843a3")

    @functools.wraps(dispatch)
    async def watched_dispatch(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
    ) -> Reply:
        access_key = extract_access_key_id(headers, query)
        call = call_of(method, path, headers, body, query, principal_of(access_key))

        async def execute() -> Reply:
            return await dispatch(method, path, headers, body, query, request_id)

        kill = faults.current and faults.current.kill_of(call.operation, caller_of(access_key))
        if kill and not kill.after:
            kill_environments(kill.function)
            # The client closed the connection.
            return failed_reply(call.service, headers, request_id)
        reply = await _with_faults(call, path, body, headers, request_id, execute)
        if kill:
            kill_environments(kill.function)
        return reply

    @functools.wraps(registry)
    async def watched_registry(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Reply | None:
        reply = await registry(method, path, headers, body, query)
        if reply is not None:
            subject = "Manifest" if "/manifests/" in path else "Blob" if "/blobs/" in path else "Registry"
            call = Call(get_account_id(), get_region(), "ecr-registry", f"{method}{subject}", "anonymous")
            calls.record(call, failed=reply[0] >= 500)
        return reply

    ministack_app._dispatch_service_request = watched_dispatch
    ministack_app._handle_ecr_registry_request = watched_registry


def call_of(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], principal: str
) -> Call:
    """The service and the operation that a request is for, as IAM names them."""
    parameters = ministack_app._routing_params(method, path, headers, body, query)
    service = detect_service(method, path, headers, parameters)
    action = extract_iam_action(service, method, path, headers, body, parameters) or f"{service}:{method} {path}"
    return Call(get_account_id(), get_region(), service, action.partition(":")[2], principal)


async def _with_faults(
    call: Call,
    path: str,
    body: bytes,
    headers: dict[str, str],
    request_id: str,
    execute: Callable[[], Awaitable[Reply]],
) -> Reply:
    plan = faults.current
    if plan is None:
        reply = await execute()
        calls.record(call, failed=reply[0] >= 500, denied=_is_denied(reply))
        return reply
    # A request without a body is identified by its path: an object of S3, a function.
    fate = plan.fate_of_call(call, path.encode() + b" " + body)
    if fate.delay_seconds:
        await asyncio.sleep(fate.delay_seconds)
    if fate.throttle:
        calls.record(call, throttled=True)
        return throttled_reply(call.service, headers, request_id, fate.variant)
    if fate.fail and not fate.after:
        calls.record(call, failed=True)
        return failed_reply(call.service, headers, request_id)
    reply = await execute()
    calls.record(call, failed=fate.fail or reply[0] >= 500, denied=_is_denied(reply))
    return failed_reply(call.service, headers, request_id) if fate.fail else reply


def _is_denied(reply: Reply) -> bool:
    """Whether IAM refused the call: each protocol has its own status and code, and all of them begin so."""
    status, _, body = reply
    text = body.encode() if isinstance(body, str) else body
    return status in (400, 403) and isinstance(text, bytes) and b"AccessDenied" in text


def throttled_reply(service: str, headers: dict[str, str], request_id: str, variant: int = 0) -> Reply:
    """The refusal of a service that is asked too often, in its protocol and with its own code."""
    code = _THROTTLE_CODES.get(service, "Throttling" if service in _QUERY_PROTOCOL else "ThrottlingException")
    if service == "dynamodb":
        code = _THROTTLED_TABLE[variant]
    return _refusal(service, _THROTTLE_STATUS.get(service, 400), code, "Rate exceeded", headers, request_id)


def failed_reply(service: str, headers: dict[str, str], request_id: str) -> Reply:
    """The reply of a service that failed inside."""
    default = "InternalFailure" if service in _QUERY_PROTOCOL else "InternalServerError"
    code = _FAILURE_CODES.get(service, default)
    return _refusal(service, 500, code, "We encountered an internal error. Please try again.", headers, request_id)


def _refusal(service: str, status: int, code: str, message: str, headers: dict[str, str], request_id: str) -> Reply:
    _, reply_headers, body = access_denied_response(
        service, "", "", request_id, error_code=code, message=message, headers=headers
    )
    return status, {**reply_headers, "x-amzn-requestid": request_id}, body
