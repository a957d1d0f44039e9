"""The history of a child execution of a distributed map names the states that it entered, and those it left for others.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

import json
from typing import Any

from ministack.services import stepfunctions
from rewrite import rewrite


def restore() -> None:
    stepfunctions._patchwave_tell = _tell
    rewrite(
        stepfunctions,
        "_run_sub_machine",
        (
            '        if state_type == "Succeed":\n',
            '        _patchwave_tell(execution, f"{state_type}StateEntered", current_name, "input", current_input)\n'
            "        entered_name, entered_type = current_name, state_type\n"
            '        if state_type == "Succeed":\n',
        ),
        (
            "            current_input, current_name = handler_fn(\n"
            "                state_def, current_input, ctx)\n",
            "            current_input, current_name = handler_fn(\n"
            "                state_def, current_input, ctx)\n"
            '        _patchwave_tell(execution, f"{entered_type}StateExited", entered_name, "output", current_input)\n',
        ),
    )


def _tell(execution: dict[str, Any], event: str, state: str, kind: str, value: Any) -> None:
    # What is left once the execution has ended leaves no trace any more.
    if not execution.get("mapRunArn") or execution["status"] != "RUNNING":
        return
    details = "stateEnteredEventDetails" if kind == "input" else "stateExitedEventDetails"
    stepfunctions._add_event(execution, event, {details: {"name": state, kind: json.dumps(value)}})
