"""Retry keeps to MaxDelaySeconds and draws its delay at random under JitterStrategy FULL.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-retrying-after-an-error
"""

import random
from typing import Any

from ministack.services import stepfunctions
from rewrite import rewrite


def restore() -> None:
    stepfunctions._patchwave_retry_delay = retry_delay
    rewrite(
        stepfunctions,
        "_execute_task",
        ("_scaled_sleep(min(sleep_sec, 60))", "_scaled_sleep(_patchwave_retry_delay(retrier, sleep_sec))"),
    )
    rewrite(
        stepfunctions,
        "_with_retry_and_catch",
        (
            '_scaled_sleep(min(interval * (retrier.get("BackoffRate", 2.0) ** count), 60))',
            '_scaled_sleep(_patchwave_retry_delay(retrier, interval * (retrier.get("BackoffRate", 2.0) ** count)))',
        ),
    )


def retry_delay(retrier: dict[str, Any], backoff_seconds: float) -> float:
    """Seconds to wait before the next attempt, from the exponential backoff and the retrier's bounds."""
    seconds = min(backoff_seconds, retrier.get("MaxDelaySeconds", backoff_seconds))
    return random.uniform(0, seconds) if retrier.get("JitterStrategy") == "FULL" else seconds
