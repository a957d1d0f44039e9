"""Which execution runs in this thread, and which machine an execution is of."""

import contextvars
import re
from typing import Any

Execution = dict[str, Any]

# The execution whose task runs in this thread; None outside of one, or where no restore tells.
current: contextvars.ContextVar[Execution | None] = contextvars.ContextVar("current_execution", default=None)


def machine_arn_of(execution: Execution) -> str:
    """The state machine's ARN; for a child of a distributed Map that of the machine that holds the Map."""
    return re.sub(r"(:stateMachine:[^/:]+).*", r"\1", execution["stateMachineArn"])
