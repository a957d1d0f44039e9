"""Lambda tells CloudWatch how old the records of a stream are when it hands them to their function (`IteratorAge`).

A retried batch is older each time. Without a batch there is no metric.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from typing import Any

import clock
from ministack.services import cloudwatch, lambda_svc
from rewrite import rewrite
from upstream import pinned

# By mapping: the position of the batch that is handed over, and when it first was, by the clock of alarms.
_since: dict[str, tuple[int, float]] = {}


def restore() -> None:
    pinned(cloudwatch.record_metric, "7f777bfbe523")
    clock.follow(cloudwatch)
    lambda_svc._patchwave_iterator_age = _measure
    rewrite(
        lambda_svc,
        "_poll_dynamodb_streams",
        (
            '            event = {"Records": batch}\n',
            '            event = {"Records": batch}\n            _patchwave_iterator_age(esm, func_name, pos)\n',
        ),
    )


def _measure(mapping: dict[str, Any], function: str, position: int) -> None:
    place, since = _since.get(mapping["UUID"], (None, 0.0))
    if place != position:
        since = clock.now()
        _since[mapping["UUID"]] = position, since
    age_ms = (clock.now() - since) * 1000
    cloudwatch.record_metric("AWS/Lambda", "IteratorAge", age_ms, "Milliseconds", {"FunctionName": function})
