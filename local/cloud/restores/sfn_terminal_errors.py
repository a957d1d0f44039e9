"""States.ALL and States.TaskFailed neither retry nor catch States.DataLimitExceeded and States.Runtime.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation
"""

from typing import Any

from ministack.services import stepfunctions
from upstream import wrap

_TERMINAL = frozenset({"States.DataLimitExceeded", "States.Runtime"})


def restore() -> None:
    wrap(stepfunctions, "_error_matches", "519b9dc729c5", _matches)


def _matches(original: Any, error_equals: list[str], error: str) -> bool:
    if error in _TERMINAL:
        return error in error_equals and error != "States.Runtime"
    return original(error_equals, error)
