"""Pipelines and their executions: how executions move from stage to stage, wait, supersede one another and end.

A stage holds one action and, except in PARALLEL mode, one execution at a time. What a Build or Deploy
action does is done outside, by the builder that takes its job (`pipeline_jobs.py`); an Approve action waits for
PutApprovalResult. Everything here runs on the server's own loop, so nothing is locked.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

import time
from datetime import UTC, datetime
from typing import Any

import pipeline_jobs
from events import publish
from ministack.core.responses import new_uuid
from pipeline_model import APPROVE, SOURCE, Action, Execution, Pipeline

_TERMINAL_EVENTS = {"Succeeded": "SUCCEEDED", "Failed": "FAILED", "Stopped": "STOPPED", "Superseded": "SUPERSEDED"}

_pipelines: dict[tuple[str, str, str], Pipeline] = {}


def declare(pipeline: Pipeline) -> None:
    """Makes a pipeline, or changes one: its executions stay, and its version grows."""
    key = (pipeline.account, pipeline.region, pipeline.name)
    if before := _pipelines.get(key):
        pipeline.version, pipeline.created_at = before.version + 1, before.created_at
        pipeline.executions, pipeline.by_token = before.executions, before.by_token
    _pipelines[key] = pipeline


def forget(account: str, region: str, name: str) -> None:
    """Deletes a pipeline with its executions."""
    _pipelines.pop((account, region, name), None)


def find(account: str, region: str, name: str) -> Pipeline | None:
    return _pipelines.get((account, region, name))


def pipelines_in(account: str, region: str) -> list[Pipeline]:
    return [each for (of, there, _), each in sorted(_pipelines.items()) if (of, there) == (account, region)]


def find_execution(pipeline: Pipeline, execution_id: str) -> Execution | None:
    return next((each for each in pipeline.executions if each.id == execution_id), None)


def start(pipeline: Pipeline, variables: dict[str, str], token: str | None, trigger_detail: str) -> Execution:
    execution = Execution(new_uuid(), len(pipeline.executions) + 1, variables, trigger_detail)
    pipeline.executions.append(execution)
    if token:
        pipeline.by_token[token] = execution
    trigger = {"trigger-type": "StartPipelineExecution", "trigger-detail": trigger_detail}
    _tell(pipeline, execution, "STARTED", {"execution-trigger": trigger})
    _advance(pipeline)
    return execution


def end_action(
    pipeline: Pipeline, execution: Execution, status: str, summary: str, output_variables: dict[str, str] | None = None
) -> None:
    """Ends the action in progress; the execution goes on, fails or, if it was to stop, stops."""
    action = execution.running
    if action is None:
        return
    action.end(status, summary, output_variables)
    if execution.status == "Stopping":
        _end(pipeline, execution, "Stopped", execution.stop_reason or "")
    elif status == "Failed":
        _end(pipeline, execution, "Failed", summary)
    _advance(pipeline)


def stop(pipeline: Pipeline, execution: Execution, abandon: bool, reason: str) -> None:
    """Stops after the action in progress, or at once by abandoning it."""
    if execution.status != "Stopping":
        execution.status, execution.stop_reason = "Stopping", reason
        _tell(pipeline, execution, "STOPPING", {"stop-execution-comments": reason} if reason else {})
    if execution.running is None:
        _end(pipeline, execution, "Stopped", reason)
        _advance(pipeline)
    elif abandon or execution.running.stage == APPROVE:
        end_action(pipeline, execution, "Abandoned", reason)


def _advance(pipeline: Pipeline) -> None:
    """Lets every execution that waits enter its next stage where that is free."""
    moved = True
    while moved:
        moved = False
        for execution in _waiting_in_order(pipeline):
            stage = pipeline.next_stage(execution)
            if stage is None:
                _end(pipeline, execution, "Succeeded", "")
                moved = True
            elif _is_free(pipeline, stage):
                _enter(pipeline, execution, stage)
                moved = True


def _waiting_in_order(pipeline: Pipeline) -> list[Execution]:
    """Executions between two stages, oldest first. In SUPERSEDED mode only the newest of each waiting point is left."""
    waiting = [each for each in pipeline.executions if each.status == "InProgress" and each.running is None]
    if pipeline.mode != "SUPERSEDED":
        return waiting
    kept: dict[str | None, Execution] = {}
    for execution in waiting:
        stage = pipeline.next_stage(execution)
        older = kept.get(stage) if stage in pipeline.stages[1:] else None
        if older is not None:
            _end(pipeline, older, "Superseded", f"Superseded by the execution {execution.id}")
        kept[stage] = execution
    return [each for each in waiting if each.status == "InProgress"]


def _is_free(pipeline: Pipeline, stage: str) -> bool:
    if pipeline.mode == "PARALLEL" or stage == SOURCE:
        return True
    return not any(each.running and each.running.stage == stage for each in pipeline.executions)


def _enter(pipeline: Pipeline, execution: Execution, stage: str) -> None:
    action = Action(stage)
    execution.actions.append(action)
    execution.updated_at = time.time()
    if stage == SOURCE:
        action.end("Succeeded")
    elif stage == APPROVE:
        action.approval_token = new_uuid()
    else:
        pipeline_jobs.add(pipeline, execution, stage)


def _end(pipeline: Pipeline, execution: Execution, status: str, summary: str) -> None:
    execution.status, execution.summary, execution.updated_at = status, summary, time.time()
    _tell(pipeline, execution, _TERMINAL_EVENTS[status], {})


def _instant(epoch_seconds: float) -> str:
    """As CodePipeline's events have it: 2026-11-24T03:04:43.208Z."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tell(pipeline: Pipeline, execution: Execution, state: str, more: dict[str, Any]) -> None:
    detail = {
        "pipeline": pipeline.name, "execution-id": execution.id, "start-time": _instant(execution.started_at),
        "state": state, "version": float(pipeline.version), "pipeline-execution-attempt": 1.0, **more,
    }  # fmt: skip
    kind = "CodePipeline Pipeline Execution State Change"
    publish("aws.codepipeline", kind, [pipeline.arn], detail, pipeline.account, pipeline.region)
