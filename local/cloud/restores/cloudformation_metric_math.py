"""CloudFormation makes an alarm that watches an expression of several metrics (`Metrics` in the place of `MetricName`).

At most ten metrics, of one period, and one result. What `metric_math` has no meaning for fails the resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudwatch-alarm-metricdataquery.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
"""

from typing import Any

import metric_math
from ministack.services.cloudformation import provisioners
from upstream import wrap

Query = dict[str, Any]

_MOST_METRICS = 10
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")


def restore() -> None:
    wrap(provisioners, "_cw_metric_alarm_record", "4565fcede1eb", _record)


def _record(original: Any, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    if not properties.get("Metrics"):
        made: dict[str, Any] = original(name, properties)
        return made
    mixed = [each for each in _OF_ONE_METRIC if each in properties]
    if mixed:
        raise ValueError(f"An alarm has either Metrics or {mixed[0]}, not both.")
    queries = [_query(each) for each in properties["Metrics"]]
    _check(queries)
    others = {key: value for key, value in properties.items() if key != "Metrics"}
    alarm: dict[str, Any] = original(name, {**others, "MetricName": "none", "Namespace": "none"})
    return {**{key: value for key, value in alarm.items() if key not in _OF_ONE_METRIC}, "Metrics": queries}


def _query(declared: Query) -> Query:
    """The query with numbers and truth values in the place of the texts that a template may hold."""
    query = {**declared, "ReturnData": str(declared.get("ReturnData", True)).lower() == "true"}
    if "MetricStat" in declared:
        query["MetricStat"] = {**declared["MetricStat"], "Period": int(declared["MetricStat"]["Period"])}
    return query


def _check(queries: list[Query]) -> None:
    metrics = [query for query in queries if "MetricStat" in query]
    if not 0 < len(metrics) <= _MOST_METRICS:
        raise ValueError(f"An alarm on an expression has 1 to {_MOST_METRICS} metrics, not {len(metrics)}.")
    if len({query["MetricStat"]["Period"] for query in metrics}) != 1:
        raise ValueError("All metrics of an alarm have one period.")
    if sum(query["ReturnData"] for query in queries) != 1:
        raise ValueError("Exactly one query of an alarm returns data.")
    for query in queries:
        if "Expression" in query:
            metric_math.value_of(query["Expression"], {metric["Id"]: None for metric in metrics})
