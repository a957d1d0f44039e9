"""An alarm is judged by the datapoints of its own metric, period by period, and again as time passes.

Its metric is the one of its dimensions. The last `EvaluationPeriods` periods count, ending now; `DatapointsToAlarm` of them
breach. CloudWatch looks back a few periods more: where datapoints are missing it takes older ones, and fills in by
`TreatMissingData` only what is missing then. It judges each minute, whether or not a datapoint comes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import clock
import metric_math
from ministack.core.responses import request_scope
from ministack.services import cloudwatch
from upstream import pinned, wrap

Datapoint = float | None

# "Evaluation range": AWS says that it is larger than the periods asked for, and shows 5 for 3.
_PERIODS_MORE = 2

_BREACHES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt, "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt, "LessThanOrEqualToThreshold": operator.le,
}  # fmt: skip


def restore() -> None:
    pinned(cloudwatch._calc_stats, "889e1bfc89dc")
    pinned(cloudwatch._stat_value, "cfaad9598233")
    wrap(cloudwatch, "_evaluate_alarm", "a0b0acd3d432", _judge)
    clock.follow(cloudwatch)
    clock.each_minute(clock.JUDGES, _judge_all)


def _judge_all() -> None:
    for account, region in {key[:2] for key in list(cloudwatch._alarms._data)}:
        with request_scope(account, region):
            cloudwatch._evaluate_all_alarms()


def _judge(original: Any, alarm: dict[str, Any]) -> None:
    breaches = _BREACHES.get(alarm.get("ComparisonOperator") or "")
    if breaches is None:
        # By anomaly detection, which is not judged here.
        original(alarm)
        return
    periods = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    threshold = float(alarm["Threshold"])
    values = _values_of(alarm, periods + _PERIODS_MORE)
    breaching = [None if value is None else breaches(value, threshold) for value in values]
    before = alarm["StateValue"]
    after = state_of(breaching, periods, needed, alarm.get("TreatMissingData") or "missing", before)
    if after == before:
        return
    shown = ", ".join(f"{value:g}" for value in values if value is not None) or "no datapoint"
    reason = f"Threshold Crossed: {shown} ({alarm['ComparisonOperator']} {threshold:g}, {needed} out of {periods})"
    at = int(clock.now())
    alarm.update(StateValue=after, StateReason=reason, StateUpdatedTimestamp=at, StateTransitionedTimestamp=at)
    cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, after, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def state_of(breaching: Sequence[bool | None], periods: int, needed: int, missing: str, before: str) -> str:
    """The state of an alarm by what is known of the periods of its evaluation range, the latest first; None is missing."""
    known = [one for one in breaching if one is not None][:periods]
    bad = sum(known)
    good = len(known) - bad
    lacking = periods - len(known)
    if missing == "breaching":
        bad += lacking
    elif missing == "notBreaching":
        good += lacking
    elif not known:
        return before if missing == "ignore" else "INSUFFICIENT_DATA"
    elif missing == "missing":
        return "ALARM" if bad >= min(needed, len(known)) else "OK"
    if bad >= needed:
        return "ALARM"
    # With `ignore`, what is missing might breach or not: the alarm stays as it was, until that makes no difference.
    return "OK" if good > periods - needed else before


def _values_of(alarm: dict[str, Any], count: int) -> list[Datapoint]:
    queries = alarm.get("Metrics")
    if not queries:
        stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
        return _series(alarm, int(alarm["Period"]), stat, count)
    (watched,) = (query for query in queries if query.get("ReturnData", True))
    series = {
        query["Id"]: _series(query["MetricStat"]["Metric"], query["MetricStat"]["Period"], query["MetricStat"]["Stat"], count)
        for query in queries
        if "MetricStat" in query
    }
    if "Expression" not in watched:
        return series[watched["Id"]]
    return [
        metric_math.value_of(watched["Expression"], {name: values[place] for name, values in series.items()})
        for place in range(count)
    ]


def _series(metric: dict[str, Any], period: int, stat: str, count: int) -> list[Datapoint]:
    """The statistic of a metric in each of the last periods, the latest first."""
    dimensions = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    points = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions))) or []
    end = clock.now()
    found: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    # Points are in the order in which they came: the latest are at the end.
    for point in reversed(points):
        place = int(max(0.0, end - point["Timestamp"]) // period)
        if place >= count:
            break
        found[place].append(point)
    return [cloudwatch._stat_value(cloudwatch._calc_stats(each), stat, each) if each else None for each in found]
