"""A log line in the embedded metric format becomes CloudWatch metrics.

Within the format's limits: 100 metrics in one directive, 30 dimensions in one set, 100 values in
one metric. A line that breaks them makes no metric, as on AWS.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudwatch, lambda_svc
from upstream import pinned, wrap

_MOST_METRICS = 100
_MOST_DIMENSIONS = 30
_MOST_VALUES = 100

logger = logging.getLogger("patchwave.metrics_emf")

Metric = tuple[str, str, float, str, dict[str, str]]


def restore() -> None:
    pinned(cloudwatch.record_metric, "7f777bfbe523")
    wrap(lambda_svc, "_emit_lambda_logs", "111efbf06968", _emit_logs_and_metrics)


def _emit_logs_and_metrics(original: Any, function: Any, request_id: str, log_text: str, *rest: Any, **named: Any) -> Any:
    for line in (log_text or "").splitlines():
        if '"_aws"' not in line:
            continue
        try:
            metrics = list(metrics_of(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("A line in the embedded metric format made no metric: %r in %s", error, line[:200])
            continue
        for namespace, name, value, unit, dimensions in metrics:
            cloudwatch.record_metric(namespace, name, value, unit, dimensions)
    return original(function, request_id, log_text, *rest, **named)


def metrics_of(document: dict[str, Any]) -> Iterator[Metric]:
    """Each value of each metric of the document, once per dimension set.

    Raises ValueError, KeyError or TypeError for a document outside the specification.
    """
    for directive in document["_aws"]["CloudWatchMetrics"]:
        definitions = directive["Metrics"]
        if len(definitions) > _MOST_METRICS:
            raise ValueError(f"{len(definitions)} metrics in one directive, at most {_MOST_METRICS} are taken")
        for keys in directive.get("Dimensions") or [[]]:
            if len(keys) > _MOST_DIMENSIONS:
                raise ValueError(f"{len(keys)} dimensions in one set, at most {_MOST_DIMENSIONS} are taken")
            dimensions = {key: str(document[key]) for key in keys}
            for definition in definitions:
                name, unit = definition["Name"], definition.get("Unit", "None")
                for value in _values_of(document[name]):
                    yield directive["Namespace"], name, value, unit, dimensions


def _values_of(value: Any) -> list[float]:
    values = value if isinstance(value, list) else [value]
    if len(values) > _MOST_VALUES:
        raise ValueError(f"{len(values)} values in one metric, at most {_MOST_VALUES} are taken")
    return [float(each) for each in values]
