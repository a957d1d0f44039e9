"""CodePipeline: executions are started, shown, listed, stopped and approved. How pipelines come to be: `PUT pipelines`.

Variables are checked against the declared ones; a token that was used before names the execution that
it started; each call is authorized on the pipeline, an approval on its action.

https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StartPipelineExecution.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodepipeline.html
"""

import json
from typing import Any

import ministack.app as ministack_app
from codepipeline_views import action_view, execution_summary, execution_view, stage_state
from ministack.core import iam_actions, router
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.core.router import extract_access_key_id
from ministack.services import sts
from operations import ApiError, Reply, Request
from paging import InvalidToken, page
from pipeline_model import APPROVE, Execution, Pipeline
from pipelines import end_action, find, find_execution, pipelines_in, start, stop
from upstream import wrap

_TARGET = "CodePipeline_20150709"
_LARGEST_PAGE = 100


def restore() -> None:
    router.SERVICE_PATTERNS["codepipeline"] = {"target_prefixes": [_TARGET], "host_patterns": [r"codepipeline\."]}
    ministack_app.SERVICE_HANDLERS["codepipeline"] = _handle
    iam_actions.SERVICE_TO_IAM_NAMESPACE["codepipeline"] = "codepipeline"
    wrap(iam_actions, "extract_resource_arn", "82f51700695c", _resource)


async def _handle(_method: str, _path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Reply:
    name = headers.get("x-amz-target", "").rpartition(".")[2]
    operation = _OPERATIONS.get(name)
    if operation is None:
        return error_response_json("UnknownOperationException", f"{name} is no operation of this CodePipeline", 400)
    try:
        return json_response(operation(json.loads(body or b"{}"), _caller(headers, query)))
    except ApiError as error:
        return error_response_json(error.code, str(error), 400)


def _caller(headers: dict[str, str], query: dict[str, Any]) -> str:
    session = sts._sessions.get(extract_access_key_id(headers, query))
    return str(session["Arn"]) if session else f"arn:aws:iam::{get_account_id()}:root"


def _resource(
    original: Any, service: str, method: str, path: str, headers: dict[str, str], body: bytes,
    query: dict[str, Any], region: str, account: str,
) -> str:  # fmt: skip
    if service != "codepipeline":
        return original(service, method, path, headers, body, query, region, account)
    request = json.loads(body or b"{}")
    arn = f"arn:aws:codepipeline:{region}:{account}:{request.get('name') or request.get('pipelineName') or '*'}"
    if headers.get("x-amz-target", "").endswith(".PutApprovalResult"):
        return f"{arn}/{request.get('stageName')}/{request.get('actionName')}"
    return arn


def _pipeline(name: str) -> Pipeline:
    pipeline = find(get_account_id(), get_region(), name)
    if pipeline is None:
        message = f"Account '{get_account_id()}' does not have a pipeline with name '{name}'"
        raise ApiError("PipelineNotFoundException", message)
    return pipeline


def _execution(pipeline: Pipeline, execution_id: str) -> Execution:
    execution = find_execution(pipeline, execution_id)
    if execution is None:
        message = f"The pipeline '{pipeline.name}' has no execution with ID '{execution_id}'"
        raise ApiError("PipelineExecutionNotFoundException", message)
    return execution


def _start(request: Request, caller: str) -> dict[str, Any]:
    pipeline = _pipeline(request["name"])
    token = request.get("clientRequestToken")
    if before := pipeline.by_token.get(token):
        return {"pipelineExecutionId": before.id}
    variables = _resolved(pipeline, request.get("variables", []))
    if pipeline.mode != "SUPERSEDED" and sum(each.is_open for each in pipeline.executions) >= pipeline.limit:
        message = f"The pipeline '{pipeline.name}' has reached the limit of {pipeline.limit} concurrent executions"
        raise ApiError("ConcurrentPipelineExecutionsLimitExceededException", message)
    return {"pipelineExecutionId": start(pipeline, variables, token, caller).id}


def _resolved(pipeline: Pipeline, given: list[dict[str, str]]) -> dict[str, str]:
    """Every declared variable with its value."""
    values = {each["name"]: each["value"] for each in given}
    if unknown := sorted(values.keys() - pipeline.variables.keys()):
        raise ApiError("ValidationException", f"The variables {unknown} are not declared in the pipeline")
    if empty := sorted(name for name, value in values.items() if not 1 <= len(value) <= 1000):
        raise ApiError("ValidationException", f"The values of the variables {empty} must have 1 to 1000 characters")
    resolved = {name: values.get(name, default) for name, default in pipeline.variables.items()}
    if missing := sorted(name for name, value in resolved.items() if value is None):
        raise ApiError("ValidationException", f"The variables {missing} have no default value, so they must be given")
    return {name: value for name, value in resolved.items() if value is not None}


def _get_execution(request: Request, _caller: str) -> dict[str, Any]:
    pipeline = _pipeline(request["pipelineName"])
    return {"pipelineExecution": execution_view(pipeline, _execution(pipeline, request["pipelineExecutionId"]))}


def _list_executions(request: Request, _caller: str) -> dict[str, Any]:
    pipeline = _pipeline(request["pipelineName"])
    rows, token = _page(list(reversed(pipeline.executions)), request)
    return {"pipelineExecutionSummaries": [execution_summary(pipeline, each) for each in rows], **token}


def _list_actions(request: Request, _caller: str) -> dict[str, Any]:
    pipeline = _pipeline(request["pipelineName"])
    wanted = request.get("filter") or {}
    latest = wanted.get("latestInPipelineExecution") or {}
    execution_id = wanted.get("pipelineExecutionId") or latest.get("pipelineExecutionId")
    executions = [_execution(pipeline, execution_id)] if execution_id else pipeline.executions
    actions = [(execution, action) for execution in executions for action in execution.actions]
    rows, token = _page(list(reversed(actions)), request)
    return {"actionExecutionDetails": [action_view(pipeline, *each) for each in rows], **token}


def _page(rows: list[Any], request: Request) -> tuple[list[Any], dict[str, str]]:
    size = request.get("maxResults", _LARGEST_PAGE)
    if not 1 <= size <= _LARGEST_PAGE:
        raise ApiError("ValidationException", f"maxResults must be 1 to {_LARGEST_PAGE}, not {size}")
    try:
        found, token = page(rows, request.get("nextToken"), size)
    except InvalidToken as error:
        raise ApiError("InvalidNextTokenException", str(error)) from error
    return found, {"nextToken": token} if token else {}


def _stop(request: Request, _caller: str) -> dict[str, Any]:
    pipeline = _pipeline(request["pipelineName"])
    execution = find_execution(pipeline, request["pipelineExecutionId"])
    abandon = bool(request.get("abandon", False))
    if execution is None or not execution.is_open:
        message = f"The execution '{request['pipelineExecutionId']}' is not in progress"
        raise ApiError("PipelineExecutionNotStoppableException", message)
    if execution.status == "Stopping" and not abandon:
        raise ApiError("DuplicatedStopRequestException", f"The execution '{execution.id}' is already stopping")
    stop(pipeline, execution, abandon, request.get("reason", ""))
    return {"pipelineExecutionId": execution.id}


def _get_state(request: Request, _caller: str) -> dict[str, Any]:
    pipeline = _pipeline(request["name"])
    return {
        "pipelineName": pipeline.name, "pipelineVersion": pipeline.version,
        "stageStates": [stage_state(pipeline, stage) for stage in pipeline.stages],
        "created": pipeline.created_at, "updated": pipeline.created_at,
    }  # fmt: skip


def _put_approval(request: Request, _caller: str) -> dict[str, Any]:
    pipeline = _pipeline(request["pipelineName"])
    stage, action_name = request["stageName"], request["actionName"]
    if stage not in pipeline.stages:
        raise ApiError("StageNotFoundException", f"The pipeline '{pipeline.name}' has no stage '{stage}'")
    if stage != APPROVE or action_name != APPROVE:
        raise ApiError("ActionNotFoundException", f"The stage '{stage}' has no approval action '{action_name}'")
    token = request["token"]
    actions = [(execution, action) for execution in pipeline.executions for action in execution.actions]
    waited = [pair for pair in actions if pair[1].approval_token == token]
    if not waited:
        raise ApiError("InvalidApprovalTokenException", "The approval token is not one of a waiting approval")
    execution, action = waited[0]
    if action is not execution.running:
        raise ApiError("ApprovalAlreadyCompletedException", "The approval has already been answered")
    result = request["result"]
    end_action(pipeline, execution, "Succeeded" if result["status"] == "Approved" else "Failed", result["summary"])
    return {"approvedAt": action.updated_at}


def _list_pipelines(request: Request, _caller: str) -> dict[str, Any]:
    rows, token = _page(pipelines_in(get_account_id(), get_region()), request)
    return {
        "pipelines": [
            {"name": each.name, "version": each.version, "created": each.created_at, "updated": each.created_at}
            for each in rows
        ],
        **token,
    }


_OPERATIONS = {
    "ListPipelines": _list_pipelines,
    "StartPipelineExecution": _start,
    "GetPipelineExecution": _get_execution,
    "ListPipelineExecutions": _list_executions,
    "ListActionExecutions": _list_actions,
    "StopPipelineExecution": _stop,
    "GetPipelineState": _get_state,
    "PutApprovalResult": _put_approval,
}
