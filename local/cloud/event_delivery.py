"""Delivers to a target of EventBridge or Scheduler: permission, delivery, retries, and the dead-letter queue at last."""

import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from background import after
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, lambda_svc, sqs, stepfunctions

logger = logging.getLogger("patchwave.event_delivery")

# Redelivery runs this many times faster than on AWS, where it may take a day.
SPEED = 1000
_FIRST_DELAY_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 2.0
_DEFAULT_ATTEMPTS = 185
_DEFAULT_AGE_SECONDS = 86_400


class DeliveryFailed(Exception):
    """A delivery failed with one of EventBridge's error codes; only some are tried again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_retried(self) -> bool:
        return self.code in ("THROTTLING", "INTERNAL_ERROR", "TIMEOUT")


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target.

    `service` is the principal that delivers, `source_arn` the rule or schedule, `body` what a
    dead-letter queue receives, `labels` further attributes of that message.
    """

    service: str
    source_arn: str
    target: dict[str, Any]
    payload: str
    body: str
    labels: dict[str, str]
    event: dict[str, Any]
    rule: dict[str, Any]


@dataclass
class Steps:
    """The parts that a restore fills in. `permit` raises DeliveryFailed; `to_bus` reaches other accounts and Regions."""

    permit: Callable[[Delivery, str, str], None] = lambda _delivery, _action, _resource: None
    permit_dead_letter: Callable[[Delivery, str], None] = lambda _delivery, _queue: None
    to_bus: Callable[[Delivery, Any], None] | None = None


steps = Steps()


def deliver(delivery: Delivery) -> None:
    """Delivers now, and again after a failure that may pass. Never raises."""
    _attempt(delivery, 0, time.monotonic())


def _attempt(delivery: Delivery, retries: int, began: float) -> None:
    try:
        _send(delivery)
    except DeliveryFailed as failure:
        policy = delivery.target.get("RetryPolicy", {})
        exhausted = _exhausted(policy, retries, time.monotonic() - began)
        if not failure.is_retried or exhausted:
            _bury(delivery, failure, retries, exhausted if failure.is_retried else None)
            return
        backoff = min(_FIRST_DELAY_SECONDS * 2**retries, _LONGEST_DELAY_SECONDS)
        account, region = get_account_id(), get_region()

        def again() -> None:
            with request_scope(account, region):
                _attempt(delivery, retries + 1, began)

        after(random.uniform(0, backoff), again)


def _exhausted(policy: dict[str, Any], retries: int, age_seconds: float) -> str | None:
    if retries >= policy.get("MaximumRetryAttempts", _DEFAULT_ATTEMPTS):
        return "MaximumRetryAttempts"
    if age_seconds * SPEED > policy.get("MaximumEventAgeInSeconds", _DEFAULT_AGE_SECONDS):
        return "MaximumEventAgeInSeconds"
    return None


def _send(delivery: Delivery) -> None:
    arn = delivery.target.get("Arn", "")
    try:
        spec = parse_arn(arn)
    except ArnParseError as error:
        raise DeliveryFailed("INVALID_PARAMETER", f"{arn} is no ARN: {error}") from error
    send = _SENDERS.get(spec.service)
    if send is None:
        raise DeliveryFailed("INVALID_PARAMETER", f"Targets of {spec.service} are not delivered to")
    if spec.service != "events" and (spec.account_id, spec.region) != (get_account_id(), get_region()):
        raise DeliveryFailed("NO_RESOURCE", f"{arn} is not in the account and Region of {delivery.source_arn}")
    try:
        send(delivery, spec)
    except DeliveryFailed:
        raise
    except Exception as error:
        logger.exception("Delivery to %s failed", arn)
        raise DeliveryFailed("INTERNAL_ERROR", repr(error)) from error


def _to_function(delivery: Delivery, spec: Any) -> None:
    function, config, name = lambda_svc._get_func_record_for_ref(str(spec))
    if not function or not config:
        raise DeliveryFailed("NO_RESOURCE", f"Function not found: {name}")
    steps.permit(delivery, "lambda:InvokeFunction", str(spec))
    # Under the ARN that was invoked, as by the API: an alias has a configuration of its own for this.
    record = lambda_svc._execution_record_for_config(function, {**config, "FunctionArn": str(spec)})
    lambda_svc.invoke_async_with_retry(record, json.loads(delivery.payload))


def _to_queue(delivery: Delivery, spec: Any) -> None:
    steps.permit(delivery, "sqs:SendMessage", str(spec))
    group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
    put_message(str(spec), delivery.payload, {"MessageGroupId": group} if group else {})


def put_message(queue_arn: str, body: str, fields: dict[str, Any]) -> None:
    """Raises DeliveryFailed where the queue is not there or refuses the message."""
    spec = parse_arn(queue_arn)
    url = sqs._queue_name_to_url.get_scoped(spec.account_id, spec.region, spec.resource)
    if sqs._queue_by_arn(queue_arn) is None or not url:
        raise DeliveryFailed("NO_RESOURCE", f"The queue {queue_arn} does not exist")
    with request_scope(spec.account_id, spec.region):
        try:
            sqs._act_send_message({"QueueUrl": url, "MessageBody": body, **fields}, url)
        except sqs._Err as error:
            raise DeliveryFailed("INVALID_PARAMETER", error.message) from error


def _to_topic(delivery: Delivery, spec: Any) -> None:
    from ministack.services import sns

    steps.permit(delivery, "sns:Publish", str(spec))
    try:
        published = sns.publish_internal(str(spec), delivery.payload)
    except sns.SnsPublishError as error:
        raise DeliveryFailed("INVALID_PARAMETER", str(error)) from error
    if published is None:
        raise DeliveryFailed("NO_RESOURCE", f"The topic {spec} does not exist")


def _to_machine(delivery: Delivery, spec: Any) -> None:
    steps.permit(delivery, "states:StartExecution", str(spec))
    status, _, body = stepfunctions._start_execution({"stateMachineArn": str(spec), "input": delivery.payload})
    if status != 200:
        error = json.loads(body)
        code = "NO_RESOURCE" if "DoesNotExist" in error.get("__type", "") else "INVALID_PARAMETER"
        raise DeliveryFailed(code, f"{error.get('__type')}: {error.get('message')}")


def _to_events(delivery: Delivery, spec: Any) -> None:
    if spec.resource.startswith("api-destination/"):
        eventbridge._dispatch_to_api_destination(spec, delivery.payload, delivery.target)
        return
    is_local = (spec.account_id, spec.region) == (get_account_id(), get_region())
    if not is_local and steps.to_bus is not None:
        steps.to_bus(delivery, spec)
        return
    if not is_local or spec.resource.split("/", 1)[1] not in eventbridge._event_buses:
        raise DeliveryFailed("NO_RESOURCE", f"The event bus {spec} does not exist")
    forward(delivery, spec, delivery.event)


def forward(delivery: Delivery, spec: Any, event: dict[str, Any]) -> None:
    """Puts the event on a bus of the account and Region in scope, unless its rule has seen it before."""
    rule_key = f"{delivery.source_arn}"
    path = event.get("_RulesPassed", [])
    if rule_key in path:
        raise DeliveryFailed("INVALID_PARAMETER", f"The event came back to {rule_key}")
    forwarded = {**event, "EventBusName": spec.resource.split("/", 1)[1], "_RulesPassed": [*path, rule_key]}
    target = delivery.target
    if any(field in target for field in ("Input", "InputPath", "InputTransformer")):
        forwarded["Detail"] = delivery.payload
    eventbridge._dispatch_event(forwarded)
    eventbridge._archive_event({name: value for name, value in forwarded.items() if not name.startswith("_")})


_SENDERS = {
    "lambda": _to_function,
    "sqs": _to_queue,
    "sns": _to_topic,
    "states": _to_machine,
    "events": _to_events,
}


def _bury(delivery: Delivery, failure: DeliveryFailed, retries: int, exhausted: str | None) -> None:
    queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    lost = f"{delivery.source_arn} -> {delivery.target.get('Arn')}: {failure.code}: {failure}"
    if not queue:
        logger.warning("An event is lost, as there is no dead-letter queue. %s", lost)
        return
    attributes = {
        **delivery.labels,
        "TARGET_ARN": delivery.target.get("Arn", ""),
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": str(failure)[:256],
        "RETRY_ATTEMPTS": str(retries),
        **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
    }
    typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    try:
        steps.permit_dead_letter(delivery, queue)
        put_message(queue, delivery.body, {"MessageAttributes": typed})
    except DeliveryFailed as error:
        logger.warning("An event is lost, as the dead-letter queue refused it: %s. %s", error, lost)
