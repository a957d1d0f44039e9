"""An event source mapping reads its queue or stream with the function's role, and only while the role allows it.

A queue that is encrypted with a customer's key is read only by a role that may decrypt with the key.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-create-event-source-mapping.html#events-dynamodb-permissions
"""

import time
from collections.abc import Iterator
from typing import Any

import calls
import ministack.app as ministack_app
from ministack.core.responses import request_scope
from ministack.services import lambda_svc, sqs
from service_roles import denial_for_role
from upstream import wrap

SERVICE = "lambda.amazonaws.com"

_NEEDED = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
}
# The poller asks many times a second; policies change rarely.
_REMEMBERED_SECONDS = 0.5

_decisions: dict[str, tuple[float, str | None]] = {}


def restore() -> None:
    wrap(lambda_svc, "_iter_all_esms", "7db06c0627a5", _permitted)


def _permitted(original: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for account, region, mapping in original():
        denied = _denial(account, region, mapping)
        if denied is None:
            yield account, region, mapping
        else:
            mapping["LastProcessingResult"] = f"PROBLEM: {denied}"


def _denial(account: str, region: str, mapping: dict[str, Any]) -> str | None:
    until, denied = _decisions.get(mapping["UUID"], (0.0, None))
    if time.monotonic() < until:
        return denied
    denied = _evaluate(account, region, mapping) if ministack_app.AUTH else None
    _decisions[mapping["UUID"]] = time.monotonic() + _REMEMBERED_SECONDS, denied
    return denied


def _evaluate(account: str, region: str, mapping: dict[str, Any]) -> str | None:
    source = mapping.get("EventSourceArn", "")
    actions = _NEEDED.get(source.split(":")[2] if source.count(":") > 2 else "", ())
    with request_scope(account, region):
        function = lambda_svc._functions.get(mapping["FunctionName"])
        role = (function or {}).get("config", {}).get("Role")
        if not role:
            return None
        needs = [(action, source) for action in actions]
        key = (sqs._queue_by_arn(source) or {}).get("attributes", {}).get("KmsMasterKeyId") if actions else None
        if key and key.startswith("arn:"):
            needs.append(("kms:Decrypt", key))
        for action, resource in needs:
            denied = denial_for_role(role, SERVICE, action, resource)
            if denied is not None:
                service, operation = action.split(":")
                call = calls.Call(account, region, service, operation, role.rsplit("/", 1)[-1])
                calls.record(call, denied=True)
                return denied
    return None
