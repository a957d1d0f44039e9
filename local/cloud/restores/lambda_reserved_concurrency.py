"""The reserved concurrency of a function holds for all its versions and aliases together.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from typing import Any

from ministack.services import lambda_svc
from upstream import wrap


def restore() -> None:
    wrap(lambda_svc, "_reserved_concurrency", "ebec4b4bba77", _of_the_function)


def _of_the_function(original: Any, record: dict[str, Any], config: dict[str, Any]) -> int | None:
    function = lambda_svc._functions.get(config.get("FunctionName")) or record
    reserved: int | None = original(function, config)
    return reserved
