"""Lambda sends one metric of each execution of a function, for any caller: a person, a queue, a stream or a machine.

ministack tells of calls of Invoke only, and of an asynchronous one before it has run.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

import time
from typing import Any

from ministack.services import lambda_svc
from upstream import pinned

_measure = pinned(lambda_svc._emit_lambda_metrics, "3b6689d77cf6")
_dispatch = pinned(lambda_svc._execute_function_dispatch, "f62cd259213e")


def restore() -> None:
    lambda_svc._emit_lambda_metrics = _throttles_only
    lambda_svc._execute_function_dispatch = _measured


def _throttles_only(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
    # A throttled call is counted only where its execution was refused.
    if throttle and duration_ms == 0:
        _measure(function_name, duration_ms=0.0, error=False, throttle=True)


def _measured(function: dict[str, Any], config: dict[str, Any], *rest: Any) -> dict[str, Any]:
    began = time.monotonic()
    result: dict[str, Any] = _dispatch(function, config, *rest)
    duration_ms = (time.monotonic() - began) * 1000
    failed = bool(result.get("error"))
    _measure(config.get("FunctionName", ""), duration_ms=duration_ms, error=failed, throttle=bool(result.get("throttle")))
    return result
