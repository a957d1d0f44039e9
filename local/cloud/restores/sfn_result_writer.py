"""ResultWriter puts what became of each child execution into a bucket and returns where.

`<Prefix>/<map run>/manifest.json` names the files `SUCCEEDED_<n>.json` and `FAILED_<n>.json`; each
holds one object for each child, with its input, its output or its error. The state's result is
`{MapRunArn, ResultWriterDetails: {Bucket, Key}}`. WriterConfig chooses COMPACT (outputs only),
FLATTEN (outputs that are arrays, joined) and JSONL.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

import json
from typing import Any

from distributed_map import Child, MapRun, steps
from ministack.services import s3, stepfunctions
from upstream import pinned

_STATUSES = ("SUCCEEDED", "FAILED")


def restore() -> None:
    pinned(s3._put_object, "cf5861e4d999")
    steps.result = _result


def _result(run: MapRun) -> Any:
    writer = run.scope.state.get("ResultWriter")
    if writer is None:
        return [child.output for child in run.children]
    config = writer.get("WriterConfig", {})
    target = run.scope.evaluated(writer.get("Arguments") or writer.get("Parameters") or {})
    if "Bucket" not in target:
        return _shaped(run.children, config.get("Transformation", "COMPACT"))
    return _write(run, target["Bucket"], target.get("Prefix", "").strip("/"), config)


def _write(run: MapRun, bucket: str, prefix: str, config: dict[str, Any]) -> dict[str, Any]:
    folder = "/".join(part for part in (prefix, run.name) if part)
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status in _STATUSES:
        children = [child for child in run.children if child.execution.get("status") == status]
        if not children:
            continue
        # A failed child is described in full, for any output format.
        transformation = config.get("Transformation", "NONE") if status == "SUCCEEDED" else "NONE"
        rows = _shaped(children, transformation)
        is_lines = config.get("OutputType") == "JSONL"
        text = "\n".join(json.dumps(row) for row in rows) if is_lines else json.dumps(rows)
        key = f"{folder}/{status}_0.{'jsonl' if is_lines else 'json'}"
        _put(bucket, key, text)
        files[status].append({"Key": key, "Size": len(text.encode())})
        run.record["itemCounts"]["resultsWritten"] += sum(child.items for child in children)
        run.record["executionCounts"]["resultsWritten"] += len(children)
    map_run = run.record["mapRunArn"]
    manifest = {"DestinationBucket": bucket, "MapRunArn": map_run, "ResultFiles": files}
    _put(bucket, f"{folder}/manifest.json", json.dumps(manifest))
    return {"MapRunArn": map_run, "ResultWriterDetails": {"Bucket": bucket, "Key": f"{folder}/manifest.json"}}


def _shaped(children: list[Child], transformation: str) -> list[Any]:
    if transformation == "NONE":
        return [_described(child.execution) for child in children]
    outputs = [child.output for child in children]
    if transformation == "COMPACT":
        return outputs
    return [row for output in outputs for row in (output if isinstance(output, list) else [output])]


def _described(execution: dict[str, Any]) -> dict[str, Any]:
    succeeded = execution["status"] == "SUCCEEDED"
    outcome = (
        {"Output": execution["output"], "OutputDetails": {"Included": True}}
        if succeeded
        else {"Error": execution["error"], "Cause": execution["cause"]}
    )
    return {
        "ExecutionArn": execution["executionArn"], "Input": execution["input"], "InputDetails": {"Included": True},
        "Name": execution["name"], **outcome, "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE_BY_MAP_RUN",
        "StartDate": execution["startDate"], "StateMachineArn": execution["stateMachineArn"],
        "Status": execution["status"], "StopDate": execution["stopDate"],
    }  # fmt: skip


def _put(bucket: str, key: str, text: str) -> None:
    steps.may_write(bucket, key)
    status, _, body = s3._put_object(bucket, key, text.encode(), {"content-type": "application/json"})
    if status != 200:
        raise stepfunctions._ExecutionError("States.ResultWriterFailed", f"s3://{bucket}/{key}: {body!r}")
