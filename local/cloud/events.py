"""Publishes the events of AWS services to the default bus of an account and Region."""

import json
from typing import Any

import faults
from background import after
from ministack.core.responses import request_scope
from ministack.services import eventbridge


class EventRefused(Exception):
    """EventBridge did not take an event; the message holds its answer."""


def publish(
    source: str, detail_type: str, resources: list[str], detail: dict[str, Any], account: str, region: str
) -> None:
    """Emits one event as the AWS service `source`.

    Rules of the account's default bus have seen it when this returns, unless the faults that are
    set lose it, send it twice or send it later.
    """
    text = json.dumps(detail, default=str)
    plan = faults.current
    delays_seconds = plan.fate_of_event(source, detail_type, text).delays_seconds if plan else (0.0,)
    for delay in delays_seconds:
        if delay:
            after(delay, lambda: deliver(source, detail_type, resources, text, account, region))
        else:
            deliver(source, detail_type, resources, text, account, region)


def deliver(source: str, detail_type: str, resources: list[str], detail: str, account: str, region: str) -> None:
    """Puts one event, its detail as JSON text, on the bus, past all faults."""
    entry = {"Source": source, "DetailType": detail_type, "Resources": resources, "Detail": detail}
    with request_scope(account, region):
        status, _, body = eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    if status != 200 or json.loads(body)["FailedEntryCount"]:
        raise EventRefused(f"The event {source} / {detail_type} of {account} in {region} was refused: {body!r}")
