"""A distributed Map works in JSONata, and each child is an execution that sees only what it was given.

`Items`, `ItemReader.Arguments`, `ItemSelector`, `MaxConcurrency`, `Output` and `Assign` may be
JSONata. A child cannot read its parent's variables. Items that are no array, and an object that
does not hold what ReaderConfig says, fail the state with States.ItemReaderFailed.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from distributed_map import run_distributed_map
from ministack.services import stepfunctions
from rewrite import rewrite
from upstream import pinned


def restore() -> None:
    pinned(stepfunctions._run_distributed_map, "2b77d3ec0e04")
    stepfunctions._run_distributed_map = run_distributed_map
    # A distributed Map finds its items itself: it may have none in its input, or read them from a bucket.
    rewrite(
        stepfunctions,
        "_run_map_items",
        ('    if is_jsonata and "Items" in state_def:\n', _DISTRIBUTED_FIRST),
    )


_DISTRIBUTED_FIRST = """    processor = state_def.get("Iterator") or state_def.get("ItemProcessor", {})
    if (processor.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED":
        return _run_distributed_map(state_def, raw_input, effective, processor, execution, ctx)
    if is_jsonata and "Items" in state_def:
"""
