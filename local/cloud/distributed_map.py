"""A Map state in distributed mode: one child execution for each item or batch, reported as a Map Run.

Serves both query languages. Reading, batching, the failure threshold and writing the results are
steps of `run_distributed_map`; the restores `sfn_item_batcher`, `sfn_map_tolerance` and
`sfn_result_writer` fill in theirs.
"""

import contextvars
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from map_fields import Scope
from ministack.core.responses import new_uuid, now_iso
from ministack.services import stepfunctions

_MOST_THREADS = 64
_COUNTS = (
    "pending", "running", "succeeded", "failed", "timedOut", "aborted", "total",
    "resultsWritten", "failuresNotRedrivable", "pendingRedrive",
)  # fmt: skip


@dataclass
class Child:
    """One child execution: its input and the number of items in it."""

    input: Any
    items: int
    execution: dict[str, Any] = field(default_factory=dict)
    output: Any = None


@dataclass(eq=False)
class MapRun:
    """The run of one distributed Map state."""

    scope: Scope
    parent: dict[str, Any]
    record: dict[str, Any]
    children: list[Child]
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The generated last part of the run's ARN, which also names the folder of its results."""
        return self.record["mapRunArn"].rsplit(":", 1)[1]

    def move(self, child: Child, before: str, after: str) -> None:
        with self.lock:
            for counts, amount in ((self.record["executionCounts"], 1), (self.record["itemCounts"], child.items)):
                counts[before] -= amount
                counts[after] += amount

    def failed_items(self) -> int:
        counts = self.record["itemCounts"]
        return counts["failed"] + counts["timedOut"]


def _one_child_each(_scope: Scope, items: list[Any]) -> list[Child]:
    return [Child(item, 1) for item in items]


def _judged_at_the_end(_run: MapRun) -> bool:
    return False


def _any_failure(run: MapRun) -> bool:
    return run.failed_items() > 0


def _array_of_outputs(run: MapRun) -> Any:
    return [child.output for child in run.children]


def _no_check(*_: Any) -> None:
    return None


@dataclass
class Steps:
    """The parts of a Map Run that a restore replaces; `may_write` is asked for each (bucket, key)."""

    batch: Callable[[Scope, list[Any]], list[Child]] = _one_child_each
    stops_early: Callable[[MapRun], bool] = _judged_at_the_end
    exceeds: Callable[[MapRun], bool] = _any_failure
    result: Callable[[MapRun], Any] = _array_of_outputs
    may_start: Callable[[MapRun], None] = _no_check
    may_write: Callable[[str, str], None] = _no_check


steps = Steps()
_active: list[MapRun] = []


def run_distributed_map(
    state: dict[str, Any], raw_input: Any, effective: Any, processor: dict[str, Any],
    execution: dict[str, Any], context: dict[str, Any],
) -> tuple[Any, str | None]:  # fmt: skip
    """Runs the state to its end; the counterpart of ministack's function of this purpose."""
    scope = Scope(state, raw_input, effective, context)
    children = steps.batch(scope, [_selected(scope, i, item) for i, item in enumerate(_items(scope))])
    run = MapRun(scope, execution, _new_record(scope, execution, children), children)
    stepfunctions._map_runs[run.record["mapRunArn"]] = run.record
    steps.may_start(run)
    _run_children(run, processor)
    exceeded = steps.exceeds(run)
    if run.parent["status"] != "RUNNING":
        raise stepfunctions._ExecutionError("States.Runtime", "The execution has ended")
    run.record.update(status="FAILED" if exceeded else "SUCCEEDED", stopDate=now_iso())
    # Results are written before the threshold is judged: a failed run leaves its results behind too.
    result = steps.result(run)
    if exceeded:
        raise stepfunctions._ExecutionError(
            "States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded"
        )
    return _state_output(scope, result), stepfunctions._next_or_end(state)


def _run_children(run: MapRun, processor: dict[str, Any]) -> None:
    concurrency = int(run.record["maxConcurrency"])
    workers = min(concurrency or _MOST_THREADS, len(run.children)) or 1
    _active.append(run)
    try:
        with ThreadPoolExecutor(max_workers=workers) as pool:
            wait([pool.submit(contextvars.copy_context().run, _run_child, run, each, processor) for each in run.children])
    finally:
        _active.remove(run)


def abort_children(execution_arn: str) -> None:
    """Ends the children of an execution that ended itself; what they are doing right now changes nothing any more."""
    for run in [each for each in _active if each.parent["executionArn"] == execution_arn]:
        run.record.update(status="ABORTED", stopDate=now_iso())
        for child in run.children:
            if child.execution.get("status") == "RUNNING":
                child.execution.update(status="ABORTED", stopDate=now_iso())
                abort_children(child.execution["executionArn"])


def _items(scope: Scope) -> list[Any]:
    state = scope.state
    if reader := state.get("ItemReader"):
        items = _read(scope, reader)
        if not isinstance(items, list):
            raise stepfunctions._ExecutionError(
                "States.ItemReaderFailed", "Attempting to map over non-iterable node, the object must hold an array"
            )
        return items
    if scope.is_jsonata:
        items = scope.raw_input
        if "Items" in state:
            items = stepfunctions._jsonata_state_field(state, "Items", "array", scope.raw_input, scope.context)
    else:
        items = stepfunctions._resolve_path_or_ctx(state.get("ItemsPath", "$"), scope.effective, scope.context)
    return items if isinstance(items, list) else [items]


def _read(scope: Scope, reader: dict[str, Any]) -> Any:
    if scope.is_jsonata:
        reader = {**reader, "Arguments": scope.evaluated(reader.get("Arguments", {}))}
        reader["ReaderConfig"] = scope.evaluated(reader.get("ReaderConfig", {}))
    try:
        return stepfunctions._read_map_items(reader, scope.effective, scope.context)
    except (ValueError, KeyError, IndexError) as error:
        raise stepfunctions._ExecutionError(
            "States.ItemReaderFailed", f"The object is not what ReaderConfig says: {error}"
        ) from error


def _selected(scope: Scope, index: int, item: Any) -> Any:
    selector = scope.state.get("ItemSelector") or scope.state.get("Parameters")
    if not selector:
        return item
    return scope.evaluated(selector, {**scope.context, "Map": {"Item": {"Index": index, "Value": item}}})


def _new_record(scope: Scope, execution: dict[str, Any], children: list[Child]) -> dict[str, Any]:
    _, partition, _, region, account, _, machine, *_ = execution["stateMachineArn"].split(":")
    label = scope.state.get("Label") or new_uuid()
    prefix = f"arn:{partition}:states:{region}:{account}"
    items = sum(child.items for child in children)

    def counts(total: int) -> dict[str, int]:
        return {**dict.fromkeys(_COUNTS, 0), "total": total, "pending": total}

    return {
        "mapRunArn": f"{prefix}:mapRun:{machine}/{label}:{new_uuid()}",
        "executionArn": execution["executionArn"], "status": "RUNNING", "startDate": now_iso(),
        "maxConcurrency": int(scope.number(scope.state, "MaxConcurrency") or 0),
        "toleratedFailurePercentage": scope.number(scope.state, "ToleratedFailurePercentage") or 0,
        "toleratedFailureCount": int(scope.number(scope.state, "ToleratedFailureCount") or 0),
        "itemCounts": counts(items), "executionCounts": counts(len(children)), "redriveCount": 0,
        "_stateMachineArn": f"{prefix}:stateMachine:{machine}/{label}",
    }  # fmt: skip


def _run_child(run: MapRun, child: Child, processor: dict[str, Any]) -> None:
    if run.parent["status"] != "RUNNING" or steps.stops_early(run):
        run.move(child, "pending", "aborted")
        return
    child.execution = execution = _new_execution(run, child)
    stepfunctions._executions[execution["executionArn"]] = execution
    run.move(child, "pending", "running")
    try:
        child.output = stepfunctions._run_sub_machine(
            processor["States"], processor["StartAt"], child.input, execution, _child_context(run, child)
        )
        _end(execution, "SUCCEEDED", output=json.dumps(child.output))
    except Exception as error:
        known = isinstance(error, stepfunctions._ExecutionError)
        name, cause = (error.error, error.cause) if known else ("States.Runtime", repr(error))
        _end(execution, "FAILED", error=name, cause=cause)
    run.move(child, "running", execution["status"].lower())


def _end(execution: dict[str, Any], status: str, **result: str) -> None:
    if execution["status"] == "RUNNING":
        execution.update(result, status=status, stopDate=now_iso())


def _new_execution(run: MapRun, child: Child) -> dict[str, Any]:
    machine, name = run.record["_stateMachineArn"], new_uuid()
    return {
        "executionArn": f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name}",
        "stateMachineArn": machine, "name": name, "status": "RUNNING", "startDate": now_iso(), "stopDate": None,
        "input": json.dumps(child.input), "inputDetails": {"included": True},
        "output": None, "outputDetails": {"included": True},
        "mapRunArn": run.record["mapRunArn"], "events": [],
        "testCase": run.parent.get("testCase"), "mockAttempts": {},
    }  # fmt: skip


def _child_context(run: MapRun, child: Child) -> dict[str, Any]:
    # A child is an execution of its own: it sees its own input, and none of its parent's variables.
    execution = child.execution
    return {
        "QueryLanguage": run.scope.context.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": execution["executionArn"],
            "Input": child.input,
            "Name": execution["name"],
            "StartTime": execution["startDate"],
        },
        "StateMachine": {**run.scope.context["StateMachine"], "Id": execution["stateMachineArn"]},
        "variables": {},
    }


def _state_output(scope: Scope, result: Any) -> Any:
    state, raw_input, context = scope.state, scope.raw_input, scope.context
    if scope.is_jsonata:
        output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=result, default=result)
        stepfunctions._apply_state_assign(state, raw_input, context, result=result)
        return output
    selected = stepfunctions._apply_result_selector(state, result)
    output = stepfunctions._apply_result_path(state, raw_input, selected)
    return stepfunctions._apply_output_path(state, output, context)
