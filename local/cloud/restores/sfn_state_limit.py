"""No state takes or returns more than 256 KiB, nor a variable, nor the input of an execution.

Beyond it, a task or state fails with States.DataLimitExceeded and StartExecution is refused.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

import functools
import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions
from upstream import pinned, wrap

LARGEST_STATE_BYTES = 262_144

_STATES = {
    "_execute_pass": "b1dff47048bc",
    "_execute_choice": "468955fcd4a4",
    "_execute_wait": "a1012679c72d",
    "_execute_parallel": "2166e1f53e5f",
    "_execute_map": "18ad39652912",
    "_execute_task": "53c818d247db",
}


def restore() -> None:
    for name, pin in _STATES.items():
        _limit_output(name, pin)
    wrap(stepfunctions, "_invoke_resource", "a85d2be9a858", _invoke_within_limit)
    wrap(stepfunctions, "_apply_state_assign", "f9cc15f006a0", _assign_within_limit)
    wrap(stepfunctions, "_start_execution", "9923282fc76c", _start_within_limit)


def size_of(value: Any) -> int:
    """The bytes of the value as JSON in UTF-8, which is what the limit counts."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _refuse_more(value: Any, what: str) -> None:
    if size_of(value) > LARGEST_STATE_BYTES:
        raise stepfunctions._ExecutionError(
            "States.DataLimitExceeded",
            f"{what} with a size exceeding the maximum number of bytes service limit.",
        )


def _limit_output(name: str, pin: str) -> None:
    original = pinned(getattr(stepfunctions, name), pin)

    @functools.wraps(original)
    def limited(state: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        output, following = original(state, *arguments, **named)
        _refuse_more(output, f"The state of type '{state.get('Type')}' returned a result")
        return output, following

    setattr(stepfunctions, name, limited)


def _invoke_within_limit(original: Any, resource: str, arguments: Any) -> Any:
    _refuse_more(arguments, f"The task '{resource}' was given an input")
    result = original(resource, arguments)
    _refuse_more(result, f"The task '{resource}' returned a result")
    return result


def _assign_within_limit(original: Any, state: dict[str, Any], raw_input: Any, context: Any, *rest: Any, **named: Any) -> None:
    original(state, raw_input, context, *rest, **named)
    for name in state.get("Assign") or {}:
        _refuse_more((context or {}).get("variables", {}).get(name), f"The variable '{name}' was assigned a value")


def _start_within_limit(original: Any, request: dict[str, Any]) -> Any:
    if len(request.get("input", "").encode()) > LARGEST_STATE_BYTES:
        message = (
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            f"Member must have length less than or equal to {LARGEST_STATE_BYTES}"
        )
        return error_response_json("ValidationException", message, 400)
    return original(request)
