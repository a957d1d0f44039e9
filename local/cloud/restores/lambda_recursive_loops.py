"""Lambda counts the invocations of a function by one chain of messages, and refuses the next one after sixteen.

The trace header carries the count: the SDK in a function sends it to SQS, which keeps it with the message. A refused batch comes
back to its queue until the redrive policy moves it. `RecursiveLoop: Allow` of the function, also in a template, lets the chain go on.
AWS says "approximately 16 times"; here it is exactly so. AWS counts messages of one batch in a way that it does not document; here
the longest chain in the batch counts.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import contextvars
import hashlib
import logging
import re
import secrets
import time
from typing import Any

from ministack.services import cloudwatch, lambda_svc, sqs
from ministack.services.cloudformation import provisioners
from service_requests import Reply, Serve, ServiceRequest, around_requests
from upstream import wrap

logger = logging.getLogger("patchwave.lambda_recursive_loops")

_MOST_INVOCATIONS = 16
_LINEAGE = re.compile(r"(?:^|;)Lineage=([^;]*)")
_LINK = re.compile(r"1:([0-9a-f]{8}):(\d+)")

Chain = dict[str, int]

# The chain that invoked the function which runs in this context.
_invoked_by: contextvars.ContextVar[Chain | None] = contextvars.ContextVar("patchwave_invoked_by", default=None)
# The trace header of the request that is served in this context.
_sent_with: contextvars.ContextVar[str] = contextvars.ContextVar("patchwave_sent_with", default="")


def restore() -> None:
    around_requests(_with_header)
    wrap(sqs, "_build_send_sys_attrs", "d5f662692aea", _kept)
    wrap(lambda_svc, "_run_sqs_batch", "f9bf630aabf3", _counted)
    wrap(lambda_svc, "_xray_trace_id_for_invocation", "46cbd1c5214a", _trace)
    wrap(provisioners, "_lambda_create", "8b2cf80e961d", _create)
    wrap(provisioners, "_lambda_update", "4855410e37d7", _update)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    handlers["create"], handlers["update"] = provisioners._lambda_create, provisioners._lambda_update


def _chain_of(header: str) -> Chain:
    lineage = _LINEAGE.search(header)
    return {link[1]: int(link[2]) for link in _LINK.finditer(lineage[1])} if lineage else {}


async def _with_header(serve: Serve, request: ServiceRequest) -> Reply:
    token = _sent_with.set(request.headers.get("x-amzn-trace-id", ""))
    try:
        return await serve()
    finally:
        _sent_with.reset(token)


def _kept(original: Any, now: float, attributes: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = original(now, attributes)
    if _chain_of(_sent_with.get()):
        kept.setdefault("AWSTraceHeader", _sent_with.get())
    return kept


def _counted(original: Any, mapping: dict[str, Any], function: dict[str, Any], event: dict[str, Any], *rest: Any) -> None:
    name: str = mapping["FunctionName"]
    chain: Chain = {}
    for record in event["Records"]:
        for one, count in _chain_of(record["attributes"].get("AWSTraceHeader", "")).items():
            chain[one] = max(count, chain.get(one, 0))
    own = hashlib.sha256(lambda_svc._func_arn(name).encode()).hexdigest()[:8]
    chain[own] = chain.get(own, 0) + 1
    record_of_function = lambda_svc._functions.get(name) or function
    if chain[own] > _MOST_INVOCATIONS and record_of_function.get("recursive_loop") != "Allow":
        logger.warning("%s is not invoked: a chain of messages invoked it %d times", name, _MOST_INVOCATIONS)
        cloudwatch.record_metric("AWS/Lambda", "RecursiveInvocationsDropped", 1, "Count", {"FunctionName": name})
        mapping["LastProcessingResult"] = "PROBLEM: Lambda detected a recursive loop."
        return
    token = _invoked_by.set(chain)
    try:
        original(mapping, function, event, *rest)
    finally:
        _invoked_by.reset(token)


def _trace(original: Any, config: dict[str, Any], inbound: str | None = None) -> str | None:
    trace: str | None = original(config, inbound)
    chain = _invoked_by.get()
    if not chain:
        return trace
    lineage = "|".join(f"1:{name}:{count}" for name, count in chain.items())
    root = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
    return f"{trace or root};Lineage={lineage}"


def _create(original: Any, logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
    return _looping(original(logical_id, properties, stack), properties)


def _update(
    original: Any, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, *rest: Any, **named: Any
) -> tuple[str, dict[str, Any]]:
    return _looping(original(physical_id, old, new, stack, *rest, **named), new)


def _looping(made: tuple[str, dict[str, Any]], properties: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name, attributes = made
    lambda_svc._functions[name]["recursive_loop"] = properties.get("RecursiveLoop", "Terminate")
    return name, attributes
