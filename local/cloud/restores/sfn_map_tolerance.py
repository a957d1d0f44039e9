"""A Map Run tolerates failed items up to a number or a share, given as a literal, a path or an expression.

Items count, not batches. Once the threshold is passed the run starts no further child and fails
with States.ExceedToleratedFailureThreshold. Without a threshold the first failure passes it.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html#maprun-fail-threshold
"""

from distributed_map import MapRun, steps

_FIELDS = ("ToleratedFailureCount", "ToleratedFailurePercentage")


def restore() -> None:
    steps.exceeds = _exceeds
    steps.stops_early = _exceeds


def _exceeds(run: MapRun) -> bool:
    failed, total = run.failed_items(), run.record["itemCounts"]["total"]
    by_count, by_share = (field in run.scope.state or f"{field}Path" in run.scope.state for field in _FIELDS)
    if by_count and failed > run.record["toleratedFailureCount"]:
        return True
    if by_share and failed * 100 > run.record["toleratedFailurePercentage"] * total:
        return True
    return failed > 0 and not (by_count or by_share)
