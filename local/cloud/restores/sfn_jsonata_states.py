"""JSONata in the states where ministack knows only JSONPath: Succeed, Parallel, and the default of a Choice.

Succeed takes `Output`; Parallel takes `Arguments`, `Output` and `Assign`; a Choice that falls
through to `Default` takes the state's `Output`. Branches and items have variables of their own:
they read the outer ones and their assignments end with them.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from typing import Any

from ministack.services import stepfunctions
from rewrite import rewrite
from upstream import pinned, wrap

_SUCCEED_IN_MACHINE = """                current_input = _apply_input_path(state_def, current_input, ctx)
                current_input = _apply_output_path(state_def, current_input, ctx)
"""
_SUCCEED_IN_BRANCH = """            return _apply_output_path(state_def,
                                      _apply_input_path(state_def, current_input, ctx), ctx)
"""


def restore() -> None:
    pinned(stepfunctions._apply_jsonata_output, "687e63886e94")
    stepfunctions._patchwave_succeed = _succeed
    rewrite(
        stepfunctions,
        "_run_execution",
        (_SUCCEED_IN_MACHINE, "                current_input = _patchwave_succeed(state_def, current_input, ctx)\n"),
    )
    rewrite(
        stepfunctions,
        "_run_sub_machine",
        (_SUCCEED_IN_BRANCH, "            return _patchwave_succeed(state_def, current_input, ctx)\n"),
        (
            "    current_input = copy.deepcopy(input_data)\n",
            "    current_input = copy.deepcopy(input_data)\n"
            '    ctx = {**ctx, "variables": dict(ctx.get("variables", {}))}\n',
        ),
    )
    rewrite(
        stepfunctions,
        "_execute_choice",
        (
            "            return raw_input, default\n        raise",
            "            return _apply_jsonata_output(state_def, raw_input, ctx, default=raw_input), default\n        raise",
        ),
    )
    wrap(stepfunctions, "_run_parallel_branches", "b8c7f6915297", _parallel)


def _succeed(state: dict[str, Any], raw_input: Any, context: dict[str, Any]) -> Any:
    if stepfunctions._state_query_language(state, context) == "JSONata":
        return stepfunctions._apply_jsonata_output(state, raw_input, context, default=raw_input)
    effective = stepfunctions._apply_input_path(state, raw_input, context)
    return stepfunctions._apply_output_path(state, effective, context)


def _parallel(
    original: Any, state: dict[str, Any], raw_input: Any, execution: dict[str, Any], context: dict[str, Any]
) -> tuple[Any, str | None]:
    if stepfunctions._state_query_language(state, context) != "JSONata":
        return original(state, raw_input, execution, context)
    arguments = stepfunctions._apply_jsonata_arguments(state, raw_input, context)
    # Without JSONPath fields the original only runs the branches.
    branches = {"Branches": state["Branches"], "QueryLanguage": "JSONata", "End": True}
    results, _ = original(branches, arguments, execution, context)
    output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=results, default=results)
    stepfunctions._apply_state_assign(state, raw_input, context, result=results)
    return output, stepfunctions._next_or_end(state)
