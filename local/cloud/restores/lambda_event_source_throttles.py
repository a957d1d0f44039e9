"""An event source mapping takes messages whether or not its function has a free execution, and a throttled batch comes back.

`MaximumConcurrency` of the mapping bounds how many batches it hands over, the reserved concurrency of the function does not:
what the function may not run is throttled, counted as such, and hidden until its visibility time-out is over. Within that
time AWS tries again by itself, in intervals that it does not document. Here it does not, which is the worst case.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from typing import Any

from ministack.services import lambda_svc
from upstream import pinned, wrap


def restore() -> None:
    pinned(lambda_svc._run_sqs_batch, "f9bf630aabf3")
    wrap(lambda_svc, "_sqs_esm_concurrency", "d3e9d1e865aa", _batches_at_once)


def _batches_at_once(_original: Any, mapping: dict[str, Any], _function: Any, _config: Any, queue: Any = None) -> int:
    if (queue or {}).get("is_fifo"):
        return 1
    limit: int = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency") or lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY
    return limit
