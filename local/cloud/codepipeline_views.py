"""Pipelines, executions and actions in the words of CodePipeline's API."""

from typing import Any

from pipeline_model import APPROVE, BUILD, DEPLOY, SOURCE, Action, Execution, Pipeline

_PROVIDERS = {
    SOURCE: ("Source", "CodeStarSourceConnection"),
    APPROVE: ("Approval", "Manual"),
    BUILD: ("Build", "CodeBuild"),
    DEPLOY: ("Deploy", "ECS"),
}


def execution_view(pipeline: Pipeline, execution: Execution) -> dict[str, Any]:
    return {
        "pipelineName": pipeline.name, "pipelineVersion": pipeline.version, "pipelineExecutionId": execution.id,
        "status": execution.status, **_summary(execution.summary), "artifactRevisions": [],
        "variables": [{"name": name, "resolvedValue": value} for name, value in execution.variables.items()],
        "trigger": _trigger(execution), "executionMode": pipeline.mode, "executionType": "STANDARD",
    }  # fmt: skip


def execution_summary(pipeline: Pipeline, execution: Execution) -> dict[str, Any]:
    stopped = {"stopTrigger": {"reason": execution.stop_reason}} if execution.stop_reason else {}
    return {
        "pipelineExecutionId": execution.id, "status": execution.status, **_summary(execution.summary),
        "startTime": execution.started_at, "lastUpdateTime": execution.updated_at, "sourceRevisions": [],
        "trigger": _trigger(execution), **stopped, "executionMode": pipeline.mode, "executionType": "STANDARD",
    }  # fmt: skip


def action_view(pipeline: Pipeline, execution: Execution, action: Action) -> dict[str, Any]:
    category, provider = _PROVIDERS[action.stage]
    stage_name, action_name = pipeline.names_of(action.stage)
    result: dict[str, Any] = {"externalExecutionId": f"{pipeline.name}:{action.id}"}
    if action.status == "Failed":
        result["errorDetails"] = {"code": "JobFailed", "message": action.summary or "The action failed"}
    return {
        "pipelineExecutionId": execution.id, "actionExecutionId": action.id, "pipelineVersion": pipeline.version,
        "stageName": stage_name, "actionName": action_name, "startTime": action.started_at,
        "lastUpdateTime": action.updated_at, "status": action.status,
        "input": {
            "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
            "configuration": {}, "resolvedConfiguration": {}, "region": pipeline.region, "inputArtifacts": [],
        },
        "output": {"outputArtifacts": [], "executionResult": result, "outputVariables": action.output_variables},
    }  # fmt: skip


def stage_state(pipeline: Pipeline, stage: str) -> dict[str, Any]:
    """The stage with the latest execution in it and those that wait to enter it."""
    inbound = [
        {"pipelineExecutionId": each.id, "status": each.status, "type": "STANDARD"}
        for each in pipeline.executions
        if each.status == "InProgress" and each.running is None and pipeline.next_stage(each) == stage
    ]
    stage_name, action_name = pipeline.names_of(stage)
    state: dict[str, Any] = {
        "stageName": stage_name, "inboundExecutions": inbound, "inboundTransitionState": {"enabled": True},
        "actionStates": [{"actionName": action_name}],
    }  # fmt: skip
    if inbound:
        state["inboundExecution"] = inbound[-1]
    entered = [(each, action) for each in pipeline.executions for action in each.actions if action.stage == stage]
    if entered:
        execution, action = max(entered, key=lambda pair: pair[1].started_at)
        status = execution.status if action is execution.running else _stage_status(action)
        state["latestExecution"] = {"pipelineExecutionId": execution.id, "status": status, "type": "STANDARD"}
        state["actionStates"] = [{"actionName": action_name, "latestExecution": _latest(action)}]
    return state


def _stage_status(action: Action) -> str:
    return "Stopped" if action.status == "Abandoned" else action.status


def _latest(action: Action) -> dict[str, Any]:
    latest: dict[str, Any] = {
        "actionExecutionId": action.id, "status": action.status, "lastStatusChange": action.updated_at,
        **({"summary": action.summary} if action.summary else {}),
    }  # fmt: skip
    # The token is visible as long as the approval waits.
    if action.approval_token and action.status == "InProgress":
        latest["token"] = action.approval_token
    return latest


def _trigger(execution: Execution) -> dict[str, str]:
    return {"triggerType": "StartPipelineExecution", "triggerDetail": execution.trigger_detail}


def _summary(text: str) -> dict[str, str]:
    return {"statusSummary": text} if text else {}
